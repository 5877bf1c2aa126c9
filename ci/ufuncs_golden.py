#!/usr/bin/env python3
"""Makes tests/golden/ufuncs.bin: what NumPy's universal functions and their methods give, for tests/ufuncs.rs to compare with.

Run from anywhere, `ci/ufuncs_golden.py`, with NumPy 2.4; the file is part of the repository, so the tests need neither. The
same NumPy gives the same file: all randomness is seeded.

Elementary functions are the exceptions: NumPy's own are up to 4 ulp off, so the file has the values of mpmath, rounded once,
where operands and result are finite, and NumPy's where they are not.

A record is a line of text, `method function parameters|type:shape|type:shape...`, and then the little-endian bytes of the arrays:
operands, then results.
"""

import math
import pathlib
import subprocess
import sys

try:
    import mpmath as mp
    import numpy as np
except ImportError:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "numpy>=2.4,<2.5", "mpmath"], check=True)
    import mpmath as mp
    import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "ufuncs.bin"
mp.mp.prec = 200
np.seterr(all="ignore")
rng = np.random.default_rng(20261126)
INTS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
FLOATS = ["f2", "f4", "f8"]
COMPLEX = ["c8", "c16"]
TYPES = ["b1", *INTS, *FLOATS, *COMPLEX]
records = []


def record(key, *arrays):
    head = key
    body = b""
    for array in arrays:
        array = np.asarray(array)
        head += f"|{array.dtype.str[1:]}:{','.join(map(str, array.shape))}"
        body += array.astype(array.dtype.newbyteorder("<")).tobytes("C")
    records.append(head.encode() + b"\n" + body)


def specials(dtype):
    kind = dtype.kind
    if kind == "b":
        return np.array([False, True])
    if kind in "iu":
        info = np.iinfo(dtype)
        return np.array([0, 1, 2, 3, info.max, info.min, info.max - 1, 7, 100], dtype=dtype)
    if kind == "f":
        info = np.finfo(dtype)
        return np.array(
            [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, math.nan, math.inf, -math.inf, info.max, info.tiny, info.smallest_subnormal, 1.5],
            dtype=dtype,
        )
    parts = [0.0, -0.0, 1.0, -2.0, math.inf, -math.inf, math.nan]
    return np.array([complex(a, b) for a in parts for b in parts], dtype=dtype)


def randoms(dtype, n):
    kind = dtype.kind
    if kind == "b":
        return rng.integers(0, 2, n).astype(bool)
    if kind in "iu":
        info = np.iinfo(dtype)
        wide = rng.integers(info.min, info.max, n, dtype=dtype, endpoint=True)
        small = rng.integers(max(info.min, -12), 13, n).astype(dtype)
        return np.where(rng.integers(0, 2, n) == 0, wide, small)
    if kind == "f":
        x = rng.normal(size=n) * 10.0 ** rng.integers(-3, 3, n)
        x[::3] = rng.uniform(-1, 1, len(x[::3]))
        return x.astype(dtype)
    return (randoms(np.dtype("f8"), n) + 1j * randoms(np.dtype("f8"), n)).astype(dtype)


def operand(dtype, n=24):
    extra = []
    if dtype.kind == "f" and dtype.itemsize >= 4:
        # Great and small magnitudes, for those that take angles.
        top = 300 if dtype.itemsize == 8 else 37
        extra = [1e5, -(10.0**top), 12345.678, 10.0**-top, math.pi, 700.0, -700.0, 88.0]
    return np.concatenate([specials(dtype), randoms(dtype, n), np.array(extra, dtype=dtype)])


def pairs(a, b):
    """Every special value with every other, and random ones place by place."""
    x, y = specials(a), specials(b)
    if a.kind == "c":
        x, y = x[:: 1 if len(x) < 12 else 4], y[:: 1 if len(y) < 12 else 4]
    left = np.concatenate([np.repeat(x, len(y)), randoms(a, 32)])
    right = np.concatenate([np.tile(y, len(x)), randoms(b, 32)])
    return left, right


# Exact values, where all is finite.
REAL = {
    "arccos": mp.acos, "arccosh": mp.acosh, "arcsin": mp.asin, "arcsinh": mp.asinh, "arctan": mp.atan, "arctanh": mp.atanh,
    "cbrt": lambda x: mp.cbrt(x) if x >= 0 else -mp.cbrt(-x), "cos": mp.cos, "cosh": mp.cosh, "exp": mp.exp,
    "exp2": lambda x: mp.power(2, x), "expm1": mp.expm1, "log": mp.log, "log10": lambda x: mp.log(x, 10), "log1p": mp.log1p,
    "log2": lambda x: mp.log(x, 2), "sin": mp.sin, "sinh": mp.sinh, "tan": mp.tan, "tanh": mp.tanh,
    "arctan2": mp.atan2, "hypot": mp.hypot, "power": mp.power, "float_power": mp.power,
    "logaddexp": lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))),
    "logaddexp2": lambda x, y: max(x, y) + mp.log1p(mp.power(2, -abs(x - y))) / mp.log(2),
}
CUTS = {"log", "log2", "log10", "log1p", "sqrt", "arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh", "power", "float_power"}


def to_float(value, dtype):
    """The exact value rounded once to the type."""
    # From far more digits to few: by way of an integer, so that nothing is rounded twice.
    if value == 0:
        return 0.0
    bits, least = {2: (11, -24), 4: (24, -149), 8: (53, -1074)}[dtype.itemsize]
    exponent = max(int(mp.floor(mp.log(abs(value), 2))) - bits + 1, least)
    return math.ldexp(float(mp.nint(value * mp.mpf(2) ** -exponent)), exponent)


def exact(name, result, *operands):
    """NumPy's result, with exact values where operands and results are finite."""
    function = REAL.get(name)
    out = result.copy()
    flat = [np.broadcast_to(operand, result.shape).ravel() for operand in operands]
    for i in range(result.size):
        xs = [operand[i] for operand in flat]
        if not all(np.isfinite(x) for x in xs) or not np.isfinite(result.ravel()[i]) or result.ravel()[i] == 0:
            continue
        if result.dtype.kind == "f":
            if function is None or (name == "arctan2" and 0 in xs):
                continue
            try:
                value = function(*[mp.mpf(float(x)) for x in xs])
            except (ValueError, ZeroDivisionError, OverflowError):
                continue
            if isinstance(value, mp.mpc) or not mp.isfinite(value):
                continue
            out.ravel()[i] = to_float(value, result.dtype)
        else:
            function = getattr(mp, {"arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan", "arctanh": "atanh"}.get(name, name), None)
            function = {"exp2": lambda z: mp.power(2, z), "log2": lambda z: mp.log(z) / mp.log(2), "log10": lambda z: mp.log(z) / mp.log(10), "log1p": lambda z: mp.log(1 + z), "expm1": lambda z: mp.exp(z) - 1, "float_power": mp.power}.get(name, function)
            if name not in {*REAL, "sqrt"} or function is None:
                continue
            zs = [mp.mpc(float(x.real), float(x.imag)) for x in xs]
            # Signed zeros, which choose a side of a cut, mpmath has not.
            if any(z.real == 0 or z.imag == 0 for z in zs) and name in CUTS:
                continue
            value = function(*zs)
            part = np.dtype("f8") if result.dtype.itemsize == 16 else np.dtype("f4")
            out.ravel()[i] = complex(to_float(value.real, part), to_float(value.imag, part))
    return out


def loops(function):
    for types in function.types:
        ins, outs = types.split("->")
        chars = [np.dtype(c) for c in ins + outs if c not in "gGOmM"]
        if len(chars) != len(ins) + len(outs):
            continue
        if any(c in "qQ" for c in ins + outs) or (function.__name__ != "ldexp" and len(set(ins)) > 1):
            continue
        yield chars[: len(ins)], chars[len(ins) :]


names = [line.split(" ")[0] for line in """absolute arccos arccosh arcsin arcsinh arctan arctanh bitwise_count cbrt ceil conjugate cos cosh deg2rad
degrees exp exp2 expm1 fabs floor invert isfinite isinf isnan log log10 log1p log2 logical_not negative positive rad2deg radians reciprocal
rint sign signbit sin sinh spacing sqrt square tan tanh trunc frexp modf add arctan2 bitwise_and bitwise_or bitwise_xor copysign divide equal
float_power floor_divide fmax fmin fmod gcd greater greater_equal heaviside hypot lcm ldexp left_shift less less_equal logaddexp logaddexp2
logical_and logical_or logical_xor maximum minimum multiply nextafter not_equal power remainder right_shift subtract divmod""".split()]
DIVIDES = {"floor_divide", "remainder", "fmod", "divmod", "reciprocal"}


def sensible(name, operands):
    """Operands for which integer operations have results."""
    last = operands[-1]
    if last.dtype.kind in "iu" and name in DIVIDES:
        operands[-1] = np.where(last == 0, 3, last).astype(last.dtype)
    if last.dtype.kind == "i" and name == "power":
        operands[-1] = np.where(last < 0, 5, last).astype(last.dtype)
    if name in {"left_shift", "right_shift"}:
        operands[-1] = np.where(rng.integers(0, 2, last.shape) == 0, last, last % 9).astype(last.dtype)
    if name == "ldexp":
        operands[-1] = np.clip(last, -3000, 3000).astype(last.dtype)
    return operands


seen = set()
for name in names:
    function = getattr(np, name)
    for ins, outs in loops(function):
        key = (name, *(d.str for d in ins))
        if key in seen:
            continue
        seen.add(key)
        if len(ins) == 1:
            operands = [operand(ins[0])]
        else:
            operands = list(pairs(*ins))
            if ins[0].kind == "c" and "power" in name:
                # What powers of infinities and NaN are, C99 leaves to how they are computed.
                finite = np.isfinite(operands[0]) & np.isfinite(operands[1])
                operands = [x[finite] for x in operands]
        operands = sensible(name, operands)
        results = function(*operands)
        results = list(results) if isinstance(results, tuple) else [results]
        results = [np.asarray(r).astype(out) for r, out in zip(results, outs)]
        if len(results) == 1:
            results[0] = exact(name, results[0], *operands)
        record(f"call {name}", *operands, *results)

# Methods of functions of two operands and one result, on small arrays of every type.
def matrix(dtype, shape, name):
    x = randoms(dtype, math.prod(shape)).reshape(shape)
    if dtype.kind in "iu" and name in {"power", "left_shift", "right_shift"}:
        x = (np.abs(x.astype("i8")) % 4).astype(dtype)
    if dtype.kind in "iu" and name in DIVIDES:
        x = np.where(x == 0, 1, x).astype(dtype)
    return x


class InOrder:
    """The methods of a function whose reductions NumPy 2.4 gets wrong (its vector loops of `arctan2` and `power` take the accumulator
    for an array): one call after the other, as the documentation has it."""

    def __init__(self, function):
        self.function, self.types, self.__name__ = function, function.types, function.__name__
        self.accumulate, self.outer, self.at = function.accumulate, function.outer, function.at

    def reduce(self, x, axis, dtype=None):
        rows = np.moveaxis(x, axis, 0)
        acc = rows[0].copy()
        for row in rows[1:]:
            acc = self.function(acc, row)
        return acc

    def reduceat(self, x, indices, axis, dtype=None):
        ends = [*indices[1:], x.shape[axis]]
        parts = [np.take(x, range(a, b) if a < b else [a], axis=axis) for a, b in zip(indices, ends)]
        return np.stack([self.reduce(part, axis) for part in parts], axis=axis)


def methods(name):
    function = getattr(np, name)
    if name in {"arctan2", "power", "float_power"}:
        function = InOrder(function)
    for ins, outs in loops(function):
        if len(ins) != 2 or ins[0] != ins[1]:
            continue
        dtype = ins[0]
        if dtype.kind == "c" and "power" in name:
            continue  # Powers of powers: what one step is off, the next ones multiply beyond any bound.
        kwargs = {}
        if outs[0] == dtype:
            kwargs = {"dtype": dtype}
        elif outs[0].kind == "b" and (name.startswith("logical") or dtype.kind == "b"):
            kwargs = {}
        else:
            continue
        wide = dtype.kind in "fc"
        for shape in [(3, 4, 5), (1,), (7,)]:
            x = matrix(dtype, shape, name)
            # Sums and products: what is compared with is exact to more digits than NumPy's own.
            exactly = wide and name in {"add", "multiply", "hypot"}
            y = x.astype("c16" if dtype.kind == "c" else "f8") if exactly else x
            kw = {"dtype": y.dtype} if exactly else kwargs
            for axis in range(len(shape)):
                r = function.reduce(y, axis=axis, **kw)
                record(f"reduce {name} {axis}", x, np.asarray(r).astype(outs[0]))
                if name != "ldexp":
                    r = function.accumulate(y, axis=axis, **kw)
                    record(f"accumulate {name} {axis}", x, np.asarray(r).astype(outs[0]))
                    indices = np.array([0, 2, 1, 1], dtype="i8") % shape[axis]
                    r = function.reduceat(y, indices, axis=axis, **kw)
                    record(f"reduceat {name} {axis}", x, indices, np.asarray(r).astype(outs[0]))
        a, b = matrix(dtype, (3, 2), name), matrix(dtype, (4,), name)
        record(f"outer {name}", a, b, np.asarray(function.outer(a, b)))
        if outs[0] == dtype:
            a = matrix(dtype, (6,), name)
            places, b = np.array([0, 3, 3, -1, 0, 3, 2], dtype="i8"), matrix(dtype, (7,), name)
            after = a.copy()
            function.at(after, places, b)
            record(f"at {name}", a, places, b, after)


for name in names:
    function = getattr(np, name)
    if function.nin == 2 and function.nout == 1 and name != "ldexp":
        methods(name)

# Products of matrices and vectors, of floats as arithmetic of more digits has them.
PRODUCTS = {
    "matmul": [
        ((3, 4), (4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)), ((3, 0), (0, 2)), ((1, 1), (1, 1)),
        ((0, 3), (3, 2)), ((2, 3, 4), (4,)), ((4,), (2, 4, 3)),
    ],
    "vecdot": [((4,), (4,)), ((2, 3, 4), (3, 4)), ((2, 1, 4), (3, 4)), ((3, 0), (3, 0)), ((1,), (5, 1))],
    "matvec": [((3, 4), (4,)), ((2, 3, 4), (4,)), ((3, 4), (2, 4)), ((2, 3, 0), (0,))],
    "vecmat": [((4,), (4, 3)), ((2, 4), (4, 3)), ((4,), (2, 4, 3)), ((0,), (0, 2))],
}
for name, shapes in PRODUCTS.items():
    for kind in TYPES:
        dtype = np.dtype(kind)
        for left, right in shapes:
            a, b = matrix(dtype, left, "add"), matrix(dtype, right, "add")
            wide = {"f": np.longdouble, "c": np.clongdouble}.get(dtype.kind, dtype)
            r = getattr(np, name)(a.astype(wide), b.astype(wide))
            record(f"product {name}", a, b, np.asarray(r).astype(dtype))

OUT.write_bytes(b"".join(records))
print(f"{len(records)} records, {OUT.stat().st_size} bytes, by NumPy {np.__version__}")
