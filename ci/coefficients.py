#!/usr/bin/env python3
"""Prints the constants of src/ufunc/kernel/elementary: minimax polynomials (Remez's exchange, weighted so that the
error is relative to the function's value), multi-part constants and the bits of 2/pi. Needs mpmath.
Usage: ci/coefficients.py [NAME ...]"""

import sys
from mpmath import asin, atan, atanh, cos, erf, erfc, exp, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 80


def remez(f, weight, a, b, n, rounds=12):
    """n coefficients of the polynomial p on [a, b] with the least max |weight * (p - f)|."""
    a, b = mpf(a), mpf(b)
    given, floor = weight, mpf(10) ** -9  # no row of the system may vanish
    weight = lambda x: max(given(x), floor)
    xs = [(a + b) / 2 - (b - a) / 2 * cos(pi * (2 * i + 1) / (2 * (n + 1))) for i in range(n + 1)]
    for _ in range(rounds):
        rows = matrix(n + 1, n + 1)
        rhs = matrix(n + 1, 1)
        for i, x in enumerate(xs):
            for j in range(n):
                rows[i, j] = weight(x) * x**j
            rows[i, n] = (-1) ** i
            rhs[i] = weight(x) * f(x)
        sol = lu_solve(rows, rhs)
        c = [sol[j] for j in range(n)]

        def err(x):
            v = mpf(0)
            for k in reversed(c):
                v = v * x + k
            return weight(x) * (v - f(x))

        # Extrema: the best point of a fine grid between neighbouring sign changes.
        grid = [(a + b) / 2 - (b - a) / 2 * cos(pi * i / (40 * n)) for i in range(40 * n + 1)]
        es = [err(x) for x in grid]
        ext, best = [], 0
        for i in range(len(grid)):
            if es[i] * es[best] < 0:
                ext.append(grid[best])
                best = i
            elif abs(es[i]) > abs(es[best]):
                best = i
        ext.append(grid[best])
        if len(ext) != n + 1:
            break
        xs = ext
    worst = max(abs(e) for e in es)
    return c, worst


def show(name, c, worst):
    print(f"// {name}: {len(c)} coefficients, error 2^{float(log(worst, 2)):.1f}")
    print(f"const {name}: [f64; {len(c)}] = [")
    for k in c:
        print(f"    {float(k)!r},")
    print("];")


def parts(name, v, n):
    for i in range(n):
        h = mpf(float(v))
        print(f"const {name}_{i + 1}: f64 = {float(h)!r}; // {float(h).hex()}")
        v -= h


def q_exp(r):
    if abs(r) < mpf(10) ** -12:
        return mpf(1) / 2 + r / 6 + r * r / 24
    return (exp(r) - 1 - r) / (r * r)


def r_log(z):
    # log(m) = 2s + s z R(z), s = (m-1)/(m+1), z = s^2: R = sum 2 z^k / (2k+3)
    return sum(2 * z**k / (2 * k + 3) for k in range(60))


def fact(n):
    v = mpf(1)
    for i in range(2, n + 1):
        v *= i
    return v


def job_exp():
    h = log(mpf(2)) / 2 * mpf("1.0001")
    show("EXP", *remez(q_exp, lambda r: r * r / exp(r), -h, h, 10))
    parts("LN2", log(mpf(2)), 3)
    parts("LOG2_E", 1 / log(mpf(2)), 2)


def q_tanh(r):
    # (1 - e^(-2r)) / 2 = r + r^2 Q(r)
    if abs(r) < mpf(10) ** -12:
        return -1 + 2 * r / 3 - r * r / 3
    return ((1 - exp(-2 * r)) / 2 - r) / (r * r)


def job_tanh():
    h = log(mpf(2)) / 4 * mpf("1.0001")
    show("TANH", *remez(q_tanh, lambda r: abs(r), -h, h, 11))


def job_expm1():
    h = log(mpf(2)) / 2 * mpf("1.0001")
    # relative to exp(r) - 1 itself, which is what tanh and expm1 need near 0
    show("EXPM1", *remez(q_exp, lambda r: abs(r * r / (exp(r) - 1)) if abs(r) > mpf(10) ** -20 else abs(r), -h, h, 11))


def job_log():
    z = (3 - 2 * sqrt(mpf(2))) ** 2 * mpf("1.0001")
    show("LOG", *remez(r_log, lambda z: z / 2, 0, z, 7))
    v = log(mpf(2))
    hi = mpf(int(v * 2**42)) / 2**42
    print(f"const LN2_HI: f64 = {float(hi)!r}; // {float(hi).hex()} 42 bits")
    print(f"const LN2_LO: f64 = {float(v - hi)!r}; // {float(v - hi).hex()}")
    print(f"const LN2_LL: f64 = {float(v - hi - mpf(float(v - hi)))!r};")


def job_logdd():
    # R = 2/3 + z T(z)
    z = (3 - 2 * sqrt(mpf(2))) ** 2 * mpf("1.0001")
    t = lambda z: sum(2 * z**k / (2 * k + 5) for k in range(60))
    show("T", *remez(t, lambda z: z * z / 2, 0, z, 8))
    parts("TWO_THIRDS", mpf(2) / 3, 2)
    parts("LOG10_E", 1 / log(mpf(10)), 2)
    v = log(mpf(2)) / log(mpf(10))
    hi = mpf(int(v * 2**43)) / 2**43
    print(f"const LOG10_2_HI: f64 = {float(hi)!r}; // 42 bits")
    print(f"const LOG10_2_LO: f64 = {float(v - hi)!r};")


def job_inverse():
    def r_asin(z):
        if z < mpf("0.001"):
            v, term = mpf(0), mpf(1)
            for k in range(1, 30):
                term = term * (2 * k - 1) / (2 * k)
                v += term / (2 * k + 1) * z ** (k - 1)
            return v
        return (asin(sqrt(z)) / sqrt(z) - 1) / z

    show("ASIN", *remez(r_asin, lambda z: z, 0, mpf("0.2501"), 13))

    def r_atan(z):
        if z < mpf("0.001"):
            return sum((-1) ** (k + 1) * z**k / (2 * k + 3) for k in range(30))
        return (atan(sqrt(z)) / sqrt(z) - 1) / z

    show("ATAN", *remez(r_atan, lambda z: z, 0, (sqrt(mpf(2)) - 1) ** 2 * mpf("1.0001"), 11))
    parts("PI", pi, 2)


def job_erf():
    def small(z):
        if z < mpf(10) ** -20:
            return 2 / sqrt(pi) - 1
        return erf(sqrt(z)) / sqrt(z) - 1

    show("SMALL", *remez(small, lambda z: mpf(1), 0, mpf(1), 13))
    # erfc(x) e^(x^2) as a polynomial of u = 1 / (1 + x) - c, which needs the less precision the greater x
    c = mpf("0.3125")
    g = lambda u: erfc(1 / (u + c) - 1) * exp((1 / (u + c) - 1) ** 2)
    w = lambda u: exp(-((1 / (u + c) - 1) ** 2))
    show("LARGE", *remez(g, w, mpf(1) / 7 - c, mpf(1) / 2 - c, 14))


def s_sin(z):
    return sum((-1) ** (k + 1) * z**k / fact(2 * k + 3) for k in range(25))


def c_cos(z):
    return sum((-1) ** k * z**k / fact(2 * k + 4) for k in range(25))


def job_trig():
    z = (pi / 4 * mpf("1.0001")) ** 2
    show("SIN", *remez(s_sin, lambda z: z, 0, z, 6))
    show("COS", *remez(c_cos, lambda z: z * z, 0, z, 6))
    parts("PIO2", pi / 2, 3)
    parts("FRAC_2_PI", 2 / pi, 1)
    old = mp.prec
    mp.prec = 1600
    bits = int(mp.floor((2 / mp.pi) * mpf(2) ** 1280))
    mp.prec = old
    words = [(bits >> (64 * (19 - i))) & (2**64 - 1) for i in range(20)]
    print("const TWO_OVER_PI: [u64; 20] = [")
    for i in range(0, 20, 4):
        print("    " + " ".join(f"0x{w:016x}," for w in words[i : i + 4]))
    print("];")


def job_single():
    # What single.rs needs: some 2^-30 of the value.
    h = log(mpf(2)) / 2 * mpf("1.0001")
    relative = lambda r: abs(r * r / (exp(r) - 1)) if abs(r) > mpf(10) ** -20 else abs(r)
    show("EXP", *remez(q_exp, lambda r: r * r / exp(r), -h, h, 5))
    show("EXP_M1", *remez(q_exp, relative, -h, h, 6))
    even = lambda z: sum(z**k / fact(2 * k + 2) for k in range(20))
    odd = lambda z: sum(z**k / fact(2 * k + 3) for k in range(20))
    show("COSH", *remez(even, lambda z: z, 0, h * h, 3))
    show("SINH", *remez(odd, lambda z: z, 0, h * h, 3))

    def q_log(f):
        if abs(f) < mpf(10) ** -12:
            return -mpf(1) / 2 + f / 3 - f * f / 4
        return (log(1 + f) - f) / (f * f)

    weight = lambda f: abs(f * f / log(1 + f)) if abs(f) > mpf(10) ** -20 else abs(f)
    show("LN_1P", *remez(q_log, weight, sqrt(mpf("0.5")) - 1 - mpf("1e-5"), sqrt(mpf(2)) - 1 + mpf("1e-5"), 10))
    z = (pi / 4 * mpf("1.0001")) ** 2
    show("SIN", *remez(s_sin, lambda z: z, 0, z, 3))
    even = lambda z: sum((-1) ** (k + 1) * z**k / fact(2 * k + 2) for k in range(25))
    show("COS", *remez(even, lambda z: z, 0, z, 4))

    def r_asin(z):
        v, term = mpf(0), mpf(1)
        for k in range(1, 150):
            term = term * (2 * k - 1) / (2 * k)
            v += term / (2 * k + 1) * z ** (k - 1)
        return v

    show("ASIN", *remez(r_asin, lambda z: z, 0, mpf("0.2501"), 6))

    def r_atan(z):
        if z < mpf("0.001"):
            return sum((-1) ** (k + 1) * z**k / (2 * k + 3) for k in range(30))
        return (atan(sqrt(z)) / sqrt(z) - 1) / z

    show("ATAN", *remez(r_atan, lambda z: z, 0, mpf("1.0001"), 10))


def job_narrow():
    # What narrow.rs needs besides the polynomials of single.rs: constants in parts of `f32`.
    import struct

    def short(v, bits):
        # rounded to that many bits
        import math

        m, e = math.frexp(float(v))
        return mpf(round(m * 2**bits)) / 2**bits * mpf(2) ** e

    def f32_parts(name, v, bits):
        for i, b in enumerate(bits):
            h = short(v, b)
            print(f"// {name}_{i}: {struct.unpack('<f', struct.pack('<f', float(h)))[0]!r}")
            v -= h

    f32_parts("PIO2", pi / 2, (24, 24, 24))
    f32_parts("LN2", log(mpf(2)), (24, 24))
    f32_parts("LN2_SHORT", log(mpf(2)), (15, 24))
    f32_parts("LOG10_2_SHORT", log(mpf(2)) / log(mpf(10)), (15, 24))
    f32_parts("LOG2_E", 1 / log(mpf(2)), (24, 24))
    f32_parts("LOG10_E", 1 / log(mpf(10)), (24, 24))


def job_softplus():
    def r_atanh(z):
        # (ln((1 + s) / (1 - s)) - 2 s) / s^3
        if z < mpf("0.001"):
            return sum(2 * z**k / (2 * k + 3) for k in range(30))
        return (2 * atanh(sqrt(z)) - 2 * sqrt(z)) / (z * sqrt(z))

    # relative to the logarithm
    weight = lambda z: z / 2 if z < mpf(10) ** -20 else z * sqrt(z) / (2 * atanh(sqrt(z)))
    for n in (10, 5):
        show("ATANH", *remez(r_atanh, weight, 0, mpf(1) / 9 * mpf("1.0001"), n))


JOBS = {k[4:]: v for k, v in list(globals().items()) if k.startswith("job_")}
if __name__ == "__main__":
    for name in sys.argv[1:] or JOBS:
        print(f"// --- {name}")
        JOBS[name]()
