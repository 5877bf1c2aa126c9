#!/usr/bin/env python3
"""Makes tests/golden: arrays, and what NumPy computes from them, for tests/golden.rs to compare with.

Run from anywhere, `ci/golden.py`, with NumPy 2; the files are part of the repository, so the tests need neither. The
same NumPy gives the same files: all randomness is seeded.
"""

import pathlib
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "numpy"], check=True)
    import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
OUT.mkdir(parents=True, exist_ok=True)
for old in OUT.glob("*.npy"):
    old.unlink()
scalars = []


def save(name, array):
    np.save(OUT / f"{name}.npy", array)


def scalar(name, value):
    scalars.append(f"{name} {value!r}" if isinstance(value, str) else f"{name} {float(value)!r}")


rng = np.random.default_rng(20190301)

# float64 over several magnitudes, with broadcasting partners.
a = rng.normal(size=(7, 5, 6)) * 10.0 ** rng.integers(-3, 4, size=(7, 5, 6))
b = rng.uniform(0.5, 4.0, size=(5, 1))
save("a", a)
save("b", b)
for name, result in {
    "add": a + b,
    "sub": b - a,
    "mul": a * b,
    "div": a / b,
    "muladd": a * b + 2.5,
    "neg_abs": -np.abs(a),
    "sqrt": np.sqrt(np.abs(a)),
    "exp": np.exp(a / 1000.0),
    "ln": np.log(np.abs(a)),
    "sin": np.sin(a),
    "cos": np.cos(a),
    "tanh": np.tanh(a),
    "floor": np.floor(a),
    "minimum": np.minimum(a, b),
    "maximum": np.maximum(a, b),
    "clamp": np.clip(a, -1.0, 2.0),
    "where": np.where(a < b, a, b * 0.0),
    "less": a < b,
    "greater_equal": a >= b,
    "zscore": (a - a.mean(axis=0)) / a.std(axis=0),
    "view": a[::-1, 1:4, ::2] * 2.0,
    "transposed": a.T + 1.0,
    "to_f32": a.astype(np.float32),
    "to_i64": a.astype(np.int64),
}.items():
    save(f"a_{name}", result)
for axis in range(3):
    for name in ["sum", "prod", "mean", "min", "max", "argmin", "argmax"]:
        save(f"a_{name}_{axis}", getattr(a, name)(axis=axis))
    for ddof in [0, 1]:
        save(f"a_var{ddof}_{axis}", a.var(axis=axis, ddof=ddof))
        save(f"a_std{ddof}_{axis}", a.std(axis=axis, ddof=ddof))
save("a_sum_02", a.sum(axis=(0, 2)))
for name in ["sum", "mean", "min", "max", "argmin", "argmax"]:
    scalar(f"a_{name}", getattr(a, name)())
scalar("a_var0", a.var())
scalar("a_std1", a.std(ddof=1))

# float32: what NumPy gives in float64, rounded once.
f = (280.0 + 5.0 * rng.normal(size=(33, 17))).astype(np.float32)
save("f", f)
save("f_mean_0", f.mean(axis=0, dtype=np.float64).astype(np.float32))
save("f_sum_1", f.sum(axis=1, dtype=np.float64).astype(np.float32))
save("f_std_0", f.std(axis=0, dtype=np.float64).astype(np.float32))
save("f_mul", f * np.float32(1.1))
scalar("f_mean64", f.mean(dtype=np.float64))
scalar("f_std64", f.std(dtype=np.float64))

# Integers: wrapping, bits, comparisons.
i = rng.integers(-(2**31), 2**31, size=(40,), dtype=np.int32)
j = rng.integers(1, 31, size=(40,), dtype=np.int32)
save("i", i)
save("j", j)
with np.errstate(over="ignore"):
    for name, result in {
        "add": i + i,
        "mul": i * j,
        "and": i & j,
        "or": i | j,
        "xor": i ^ j,
        "not": ~i,
        "shl": i << j,
        "shr": i >> j,
        # Rust's: towards zero.
        "div": np.trunc(i.astype(np.float64) / j).astype(np.int32),
        "rem": np.fmod(i, j),
        "equal": i == i[::-1],
    }.items():
        save(f"i_{name}", result)

# NaN and infinity: they go through, and the first NaN is the extreme.
n = np.array([1.0, np.inf, -3.0, np.nan, 7.0, np.nan, -np.inf, 0.0])
save("n", n)
save("n_add", n + 1.0)
save("n_less", n < 2.0)
save("n_isnan", np.isnan(n))
save("n_sqrt", np.sqrt(np.abs(n)))
scalar("n_argmin", n.argmin())
scalar("n_argmax", n.argmax())

# Complex numbers.
c = rng.normal(size=(4, 3)) + 1j * rng.normal(size=(4, 3))
d = rng.normal(size=(3,)) + 1j * rng.normal(size=(3,))
save("c", c)
save("d", d)
save("c_mul", c * d)
save("c_div", c / d)
save("c_conj", c.conj())
save("c_sum_0", c.sum(axis=0))

# bool.
t = a[0] > 0.0
save("t", t)
save("t_not", ~t)
save("t_any_0", t.any(axis=0))
save("t_all_1", t.all(axis=1))
scalar("t_count", t.sum())

# One array in each way that NPY has of writing it.
save("order_c", f)
save("order_fortran", np.asfortranarray(f))
save("order_big_endian", f.astype(">f4"))
save("order_big_endian_fortran", np.asfortranarray(f.astype(">f4")))
with open(OUT / "order_version_2.npy", "wb") as file:
    np.lib.format.write_array(file, f, version=(2, 0))
with open(OUT / "order_version_3.npy", "wb") as file:
    np.lib.format.write_array(file, f, version=(3, 0))
save("empty", np.zeros((0, 3)))
save("zero_dimensions", np.array(4.25))
for name in ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16"]:
    save(f"type_{name}", np.arange(5).astype(name))

(OUT / "scalars.txt").write_text(f"# Made by ci/golden.py with NumPy {np.__version__}.\n" + "\n".join(scalars) + "\n")
print(f"{len(list(OUT.glob('*.npy')))} arrays and {len(scalars)} numbers in {OUT.name}, by NumPy {np.__version__}")
