#!/usr/bin/env python3
"""Makes tests/golden/complex_functions.txt: functions of complex numbers as mpmath computes them with 2600 bits, for
tests/complex_functions.rs to compare with.

Run from anywhere, `ci/complex_golden.py`; it installs mpmath where there is none. The file is part of the repository, so the tests need
neither. The same mpmath gives the same file: all randomness is seeded.

A line is a function's name, the parts of its operand (of a power: of both operands) and those of the exact result, each rounded once to
the nearest double. Python and Rust read and write doubles in the same way, without loss.
"""

import math
import pathlib
import random
import subprocess
import sys

try:
    import mpmath
except ImportError:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "mpmath"], check=True)
    import mpmath
from mpmath import mp, mpc, mpf

# Enough for an angle of 2^1023 quadrants, and for what is left of it where a thousand leading bits are zeros.
mp.prec = 2600
OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "complex_functions.txt"
PER_CATEGORY = 5
rng = random.Random(20261128)

LN2 = mpmath.log(2)
LN10 = mpmath.log(10)
GREATEST = mpf(sys.float_info.max)


def polar(x, y):
    modulus = mpmath.exp(x)
    return mpc(modulus * mpmath.cos(y), modulus * mpmath.sin(y))


def log(z):
    return mpc(mpmath.log(z.real**2 + z.imag**2) / 2, mpmath.atan2(z.imag, z.real))


def sinh(z):
    up = mpmath.exp(z.real)
    down = 1 / up
    return mpc((up - down) / 2 * mpmath.cos(z.imag), (up + down) / 2 * mpmath.sin(z.imag))


def cosh(z):
    up = mpmath.exp(z.real)
    down = 1 / up
    return mpc((up + down) / 2 * mpmath.cos(z.imag), (up - down) / 2 * mpmath.sin(z.imag))


def tanh(z):
    # (sinh x cosh x + i sin y cos y) / (sinh^2 x + cos^2 y), over e^(2|x|): nothing overflows.
    down = mpmath.exp(-2 * abs(z.real))
    sine, cosine = mpmath.sin(z.imag), mpmath.cos(z.imag)
    below = ((1 - down) / 2) ** 2 + down * cosine**2
    return mpc(mpmath.sign(z.real) * (1 - down) * (1 + down) / 4 / below, sine * cosine * down / below)


def turned(f):
    """f(iz) / i."""

    def function(z):
        w = f(mpc(-z.imag, z.real))
        return mpc(w.imag, -w.real)

    return function


def power(a, b):
    w = b * log(a)
    return polar(w.real, w.imag)


FUNCTIONS = {
    "exp": lambda z: polar(z.real, z.imag),
    "exp2": lambda z: polar(z.real * LN2, z.imag * LN2),
    "exp_m1": lambda z: polar(z.real, z.imag) - 1,
    "ln": log,
    "log2": lambda z: log(z) / LN2,
    "log10": lambda z: log(z) / LN10,
    "ln_1p": lambda z: log(z + 1),
    "sqrt": mpmath.sqrt,
    "sign": lambda z: z / abs(z),
    "sin": turned(sinh),
    "cos": lambda z: cosh(mpc(-z.imag, z.real)),
    "tan": turned(tanh),
    "sinh": sinh,
    "cosh": cosh,
    "tanh": tanh,
    "asin": mpmath.asin,
    "acos": mpmath.acos,
    "atan": mpmath.atan,
    "asinh": mpmath.asinh,
    "acosh": mpmath.acosh,
    "atanh": mpmath.atanh,
}


def sign():
    return rng.choice((-1, 1))


def alike(low, high):
    """Any exponent alike, of both signs."""
    return sign() * math.exp(rng.uniform(math.log(low), math.log(high)))


def wide():
    return sign() * math.ldexp(rng.uniform(1, 2), rng.randint(-1074, 1023))


def near_quadrant():
    """As near to a multiple of pi/2 as a double is, or a unit beside it."""
    k = rng.choice([1, 2, 3, rng.randint(1, 10**6), rng.randint(1, 10**15), rng.randint(1, 10**300)])
    x = float(k * mpmath.pi / 2)
    return sign() * rng.choice([x, math.nextafter(x, 0.0)])


def near_one():
    return sign() * (1 + alike(1e-16, 0.1))


def circle():
    """A point as near to the unit circle as one with this real part is."""
    x = math.cos(rng.choice([rng.uniform(-4, 4), alike(1e-8, 1)]))
    return x, sign() * float(mpmath.sqrt(1 - mpf(x) ** 2))


CATEGORIES = {
    "ordinary": lambda: (rng.uniform(-4, 4), rng.uniform(-4, 4)),
    "single": lambda: (rng.randint(-999, 999) / 128, rng.randint(-999, 999) / 256),
    "larger": lambda: (rng.uniform(-40, 40), rng.uniform(-40, 40)),
    "all sizes": lambda: (alike(1e-3, 1e3), alike(1e-3, 1e3)),
    "any": lambda: (wide(), wide()),
    "any real": lambda: (wide(), rng.uniform(-4, 4)),
    "any imaginary": lambda: (rng.uniform(-4, 4), wide()),
    "beyond, small imaginary": lambda: (sign() * rng.uniform(690, 1500), alike(5e-324, 1)),
    "beyond, small real": lambda: (alike(5e-324, 1), sign() * rng.uniform(690, 1500)),
    "end of the range": lambda: (sign() * rng.uniform(705, 760), rng.uniform(-9, 9)),
    "end of the range, turned": lambda: (rng.uniform(-9, 9), sign() * rng.uniform(705, 760)),
    "axis": lambda: (rng.choice([rng.uniform(-5, 5), alike(1e-20, 800)]), near_quadrant()),
    "axis, turned": lambda: (near_quadrant(), rng.choice([rng.uniform(-5, 5), alike(1e-20, 800)])),
    "one": lambda: (near_one(), alike(1e-20, 0.1)),
    "i": lambda: (alike(1e-20, 0.1), near_one()),
    "circle": circle,
    "great": lambda: (alike(1e15, 1.7e308), alike(1e15, 1.7e308)),
    "tiny": lambda: (alike(5e-324, 1e-8), alike(5e-324, 1e-8)),
}


def zero_of_expm1():
    """A point near e^x cos y = 1."""
    while True:
        y = rng.choice([rng.uniform(-1.57, 1.57), alike(1e-25, 1), alike(1, 1e22)])
        cosine = mpmath.cos(y)
        if cosine > 0:
            return float(-mpmath.log(cosine)), y


def in_range(a, b):
    """Whether the modulus of a power is one of doubles."""
    return abs((mpc(*b) * log(mpc(*a))).real) < 740


def base():
    return rng.choice([
        (rng.uniform(-4, 4), rng.uniform(-4, 4)),
        (alike(1e-3, 1e3), alike(1e-3, 1e3)),
        (abs(alike(1e-3, 1e3)), 0.0),
        (-abs(alike(1e-3, 1e3)), 0.0),
        (0.0, alike(0.1, 10)),
        circle(),
        (near_one(), alike(1e-16, 1e-3)),
        (float(rng.randint(2, 20)), 0.0),
    ])


POWERS = {
    "ordinary": lambda: (base(), (rng.uniform(-8, 8), rng.uniform(-8, 8))),
    "single": lambda: ((rng.randint(-99, 99) / 32 + 1 / 64, rng.randint(-99, 99) / 32), (rng.randint(-9, 9) / 4 + 1 / 8, 0.5)),
    "integers": lambda: (base(), (float(rng.choice((-1, 1)) * rng.randint(1, 120)), 0.0)),
    "real": lambda: (base(), (alike(1e-3, 1e3), 0.0)),
    "imaginary": lambda: (base(), (0.0, alike(1e-3, 1e25))),
    "of a real number": lambda: ((abs(alike(1e-3, 1e3)), 0.0), (0.0, alike(1, 1e69))),
    "of two": lambda: ((2.0 ** rng.choice([-1074, -3, -1, 1, 2, 1023]), 0.0), (alike(1e-3, 1), wide())),
    "many": lambda: (base(), (alike(1, 1e3), alike(1, 1e3))),
    "turns": lambda: (rng.choice([circle(), (0.0, 1.0), (-1.0, 0.0)]), (alike(1, 1e20), alike(1e-20, 1e-3))),
    "of one": lambda: ((1 + alike(1e-16, 1e-10), alike(1e-16, 1e-10)), (alike(1, 1e14), alike(1, 1e14))),
    "any": lambda: ((wide(), wide()), (rng.uniform(-1, 1), rng.uniform(-1, 1))),
    "any integer": lambda: ((wide(), wide()), (float(rng.choice((-5, -3, -2, 2, 3, 5))), 0.0)),
}

# What was wrong once, and its like.
SPECIAL = {
    "exp": [(800.0, 1e-300), (-800.0, 1e-300), (1400.0, 5e-324), (720.0, 1.5707963267948966), (709.9, 3.0)],
    "exp2": [(0.0, 1e18), (0.0, 1e22), (1.0, 1e300), (1100.0, 1e-300), (1023.5, 0.25), (1400.0, 5e-324), (0.5, -1.7e308)],
    "exp_m1": [(800.0, 1e-300), (0.6156264703860142, 1.0), (5e-13, 1e-6), (40.5, 1.5707963267948966), (-745.0, 2.0)],
    "sinh": [(800.0, 1e-300), (-711.0, 1.5707963267948966), (1e-300, 1e-300)],
    "cosh": [(800.0, 1e-300), (-711.0, 3.0), (1e-300, 1e-300)],
    "sin": [(1e-300, 800.0), (1.5707963267948966, -711.0), (0.5, 710.2)],
    "cos": [(1e-300, 800.0), (3.0, -711.0), (0.5, 710.2)],
    "tan": [(0.1184517837867, 7.0), (1.5707963267948966, 1e-10), (1e22, 1.0), (0.5, 400.0)],
    "tanh": [(7.0, 0.1184517837867), (19.67465408486465, 27.80348885652326), (1e-10, 1.5707963267948966), (372.5, 1.0)],
    "ln_1p": [(-0.4819264806345694, -0.8762116566578979), (-2.0, 1e-20), (1e-300, 1e-170)],
    "ln": [(0.6, 0.8), (-0.8667269219394148, -0.4987829616029677), (1.7e308, 1.7e308), (5e-324, 5e-324)],
    "log10": [(-0.8667269219394148, -0.4987829616029677)],
    "sign": [(1.7e308, 1.7e308), (-1.7e308, 1e308), (5e-324, -1e-323)],
    "sqrt": [(1.7e308, 1.7e308), (5e-324, 5e-324), (-4.0, 1e-320)],
}
SPECIAL_POWERS = [
    ((2.0, 0.0), (0.0, 1e18)),
    ((2.0, 0.0), (0.5, 1e22)),
    ((3.0, 0.0), (0.0, 1e22)),
    ((0.0, 1.0), (1e18, 0.0)),
    ((-8.0, 0.0), (1.0 / 3.0, 0.0)),
    ((1e161, 1e100), (-2.0, 0.0)),
    ((1e200, 1e-200), (1.5, 0.0)),
    ((1.0001, 1e-4), (99.0, 0.0)),
    ((1.0, 2.0), (2.0, 0.0)),
]


def rounded(x):
    """The nearest double."""
    if abs(x) < GREATEST:
        return float(x)
    half = mpf(2) ** 970
    return float(mpmath.sign(x)) * (sys.float_info.max if abs(x) < GREATEST + half else math.inf)


def line(name, operands, result):
    parts = [*operands, rounded(result.real), rounded(result.imag)]
    return " ".join([name, *(repr(float(x)) for x in parts)])


lines = []
for name, function in FUNCTIONS.items():
    points = list(SPECIAL.get(name, []))
    for category in CATEGORIES.values():
        points += [category() for _ in range(PER_CATEGORY)]
    if name == "exp_m1":
        points += [zero_of_expm1() for _ in range(20)]
    for x, y in points:
        lines.append(line(name, (x, y), function(mpc(x, y))))
for a, b in SPECIAL_POWERS:
    lines.append(line("power", (*a, *b), power(mpc(*a), mpc(*b))))
for category in POWERS.values():
    left = 2 * PER_CATEGORY
    while left:
        a, b = category()
        if in_range(a, b):
            lines.append(line("power", (*a, *b), power(mpc(*a), mpc(*b))))
            left -= 1
OUT.write_text("\n".join(lines) + "\n")
print(f"{OUT}: {len(lines)} lines")
