//! The cells: each function of the table with each type that it takes, through the methods that it has.

use std::collections::BTreeMap;

use distob::prelude::*;
use distob::ufunc::{self, Binary, Unary, functions};
use half::f16;
use ndarray::{ArrayD, Axis, IxDyn, Slice};
use num_complex::Complex;

use crate::Grid;
use crate::records::Record;
use crate::value::{Near, Value, array, differs};

type Records = BTreeMap<(String, String), Vec<Record>>;

/// Functions that are right to a unit in the last place, and not to the last bit; complex ones to four.
const ELEMENTARY: &[&str] = &[
    "arccos",
    "arccosh",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "cbrt",
    "cos",
    "cosh",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "sin",
    "sinh",
    "tan",
    "tanh",
    "arctan2",
    "hypot",
    "power",
    "float_power",
    "logaddexp",
    "logaddexp2",
];

fn near<T: Value>(function: &str) -> Near {
    let complex = T::NAME.starts_with('c');
    match function {
        // NumPy's are some two units off for each unit of the logarithm of the result, which is 700 at most; `tests/complex_functions.rs` has
        // exact ones.
        "power" | "float_power" if complex => Near::Ulp(1400.0),
        "divide" | "reciprocal" | "sign" | "multiply" | "square" | "absolute" | "sqrt" if complex => Near::Ulp(2.0),
        _ if ELEMENTARY.contains(&function) && complex => Near::Ulp(4.0),
        _ if ELEMENTARY.contains(&function) => Near::Ulp(1.0),
        _ => Near::Exact,
    }
}

/// One array in several layouts: as it is, every second element of a larger one, reversed, with its axes the other way round.
fn layouts<T: Value>(x: &ArrayD<T>) -> Vec<(&'static str, DistArrayD<T>)> {
    let plain = DistArray::from(x);
    let mut all = vec![("contiguous", plain.clone())];
    if x.ndim() > 0 {
        let mut wide = x.shape().to_vec();
        let last = wide.len() - 1;
        wide[last] *= 2;
        let mut spread = ArrayD::from_elem(
            IxDyn(&wide),
            x.iter().next().copied().unwrap_or_else(|| T::read(&[0; 16][..size_of::<T>()])),
        );
        spread.slice_axis_mut(Axis(last), Slice::new(0, None, 2)).assign(x);
        let mut strided = DistArray::from(&spread);
        strided.slice_axis_inplace(Axis(last), Slice::new(0, None, 2));
        all.push(("strided", strided));
        let mut turned = x.clone();
        turned.invert_axis(Axis(last));
        let mut reversed = DistArray::from(&turned.as_standard_layout());
        reversed.invert_axis(Axis(last));
        all.push(("reversed", reversed));
    }
    if x.ndim() > 1 {
        let transposed = DistArray::from(&x.t().as_standard_layout()).reversed_axes();
        all.push(("transposed", transposed));
    }
    all
}

/// Compares a result with the right one.
fn compare<T: Value>(got: &DistArrayD<T>, want: &ArrayD<T>, near: Near) -> Result<usize, String> {
    if got.shape() != want.shape() {
        return Err(format!("shape {:?}, not {:?}", got.shape(), want.shape()));
    }
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        if differs(g, w, near) {
            return Err(format!("element {i}: {g:?}, not {w:?}"));
        }
    }
    Ok(want.len())
}

/// That what is computed of nothing, of one element, of an array of no dimension and of a stretched one is of the right shape
/// and value.
fn shapes<T: Value, R: Value>(
    x: &ArrayD<T>,
    want: &ArrayD<R>,
    f: &dyn Fn(&DistArrayD<T>) -> DistArrayD<R>,
    near: Near,
) -> Result<usize, String> {
    let none = f(&DistArray::from(&x.slice_axis(Axis(0), Slice::new(0, Some(0), 1))));
    if none.shape() != [0] {
        return Err(format!("of nothing: shape {:?}", none.shape()));
    }
    let of = |x: ArrayD<T>, want: ArrayD<R>| compare(&f(&DistArray::from(&x)), &want, near);
    let mut done = of(
        x.slice_axis(Axis(0), Slice::new(0, Some(1), 1)).to_owned(),
        want.slice_axis(Axis(0), Slice::new(0, Some(1), 1)).to_owned(),
    )?;
    done += of(x.index_axis(Axis(0), 2).to_owned(), want.index_axis(Axis(0), 2).to_owned())?;
    let stretched = DistArray::from(x).broadcast(IxDyn(&[2, x.len()])).ok_or("does not stretch")?;
    let rows = want.broadcast(IxDyn(&[2, x.len()])).ok_or("does not stretch")?.to_owned();
    done += compare(&f(&stretched), &rows, near)?;
    // Larger than what is computed at once.
    let tall = DistArray::from(x).broadcast(IxDyn(&[1 + 20_000 / x.len(), x.len()])).ok_or("does not stretch")?;
    let big = f(&tall);
    let last = big.index_axis(Axis(0), big.shape()[0] - 1).to_owned();
    done += compare(&last, want, near)?;
    Ok(done)
}

fn call_unary<F, T: Value>(f: F, name: &str, records: &Records, grid: &mut Grid)
where
    F: Unary<T, Output: Value>,
{
    unary_cells::<T, F::Output>(&|a| f.call(a), name, records, grid);
}

/// What [`call_unary`] does, of any function with these types: a function is no part of the type, or this would be compiled for each.
fn unary_cells<T: Value, R: Value>(
    f: &dyn Fn(&DistArrayD<T>) -> DistArrayD<R>,
    name: &str,
    records: &Records,
    grid: &mut Grid,
) {
    for record in records.get(&("call".to_owned(), name.to_owned())).into_iter().flatten() {
        let (Some(x), Some(want)) = (array::<T>(&record.arrays[0]), array::<R>(&record.arrays[1])) else {
            continue;
        };
        // The modulus is a root, and no more exact than that.
        let near = if name == "absolute" && T::NAME.starts_with('c') { Near::Ulp(2.0) } else { near::<R>(name) };
        for (layout, a) in layouts(&x) {
            grid.cell("call", &|| format!("{name} of {}, {layout}", T::NAME), &mut || {
                compare(&f(&a), &want, near).map_err(|why| at(&why, &[&format!("{x:?}")]))
            });
        }
        grid.cell("call", &|| format!("{name} of {}, shapes", T::NAME), &mut || shapes(&x, &want, f, near));
    }
}

/// The reason, with the operands' elements at the place that it names.
fn at(why: &str, operands: &[&str]) -> String {
    let place = why.strip_prefix("element ").and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
    let of = |operand: &&str| {
        let inside = operand.split_once('[').map_or("", |(_, rest)| rest.split(']').next().unwrap_or(""));
        let elements: Vec<&str> =
            if inside.contains("Complex") { inside.split("}, ").collect() } else { inside.split(", ").collect() };
        place.and_then(|place| elements.get(place).map(|x| (*x).to_owned())).unwrap_or_default()
    };
    format!("{why} (of {})", operands.iter().map(of).collect::<Vec<_>>().join(" and "))
}

fn call_binary<F, A: Value, B: Value>(f: F, name: &str, records: &Records, grid: &mut Grid)
where
    F: Binary<A, B, Output: Value>,
{
    binary_cells::<A, B, F::Output>(&|a, b| f.call(a, b), name, records, grid);
}

/// A function of two arrays.
type OfTwo<'a, A, B, R> = &'a dyn Fn(&DistArrayD<A>, &DistArrayD<B>) -> DistArrayD<R>;

/// What [`call_binary`] does, of any function with these types.
fn binary_cells<A: Value, B: Value, R: Value>(f: OfTwo<'_, A, B, R>, name: &str, records: &Records, grid: &mut Grid) {
    for record in records.get(&("call".to_owned(), name.to_owned())).into_iter().flatten() {
        let (Some(x), Some(y), Some(want)) =
            (array::<A>(&record.arrays[0]), array::<B>(&record.arrays[1]), array::<R>(&record.arrays[2]))
        else {
            continue;
        };
        let near = near::<R>(name);
        for ((layout, a), (_, b)) in layouts(&x).into_iter().zip(layouts(&y)) {
            grid.cell("call", &|| format!("{name} of {} and {}, {layout}", A::NAME, B::NAME), &mut || {
                compare(&f(&a, &b), &want, near).map_err(|why| at(&why, &[&format!("{x:?}"), &format!("{y:?}")]))
            });
        }
        grid.cell("call", &|| format!("{name} of {} and {}, shapes", A::NAME, B::NAME), &mut || {
            let whole = DistArray::from(&y);
            let one = |at: usize| DistArray::from(y[[at]].clone_as_array());
            let with = |a: &DistArrayD<A>| match a.shape() {
                [0] | [1] => f(a, &one(0)),
                [] => f(a, &one(2)),
                _ => f(a, &whole),
            };
            shapes(&x, &want, &with, near)
        });
    }
}

/// Every pair of elements.
fn outer<F, T: Value>(f: F, name: &str, records: &Records, grid: &mut Grid)
where
    F: Binary<T, Output: Value>,
{
    outer_cells::<T, F::Output>(&|a, b| f.outer(a, b), name, records, grid);
}

/// What [`outer`] does, of any function with these types.
fn outer_cells<T: Value, R: Value>(f: OfTwo<'_, T, T, R>, name: &str, records: &Records, grid: &mut Grid) {
    for record in records.get(&("outer".to_owned(), name.to_owned())).into_iter().flatten() {
        let (Some(x), Some(y), Some(want)) =
            (array::<T>(&record.arrays[0]), array::<T>(&record.arrays[1]), array::<R>(&record.arrays[2]))
        else {
            continue;
        };
        // NumPy's own elementary functions are up to 4 units off.
        let near = match near::<R>(name) {
            Near::Ulp(units) => Near::Ulp(units + 4.0),
            near => near,
        };
        for ((layout, a), (_, b)) in layouts(&x).into_iter().zip(layouts(&y)) {
            grid.cell("outer", &|| format!("{name} of {}, {layout}, outer", T::NAME), &mut || {
                compare(&f(&a, &b), &want, near)
            });
        }
    }
}

trait AsArray: Sized {
    /// An array of no dimension.
    fn clone_as_array(self) -> ArrayD<Self>;
}

impl<T: Value> AsArray for T {
    fn clone_as_array(self) -> ArrayD<T> {
        ndarray::arr0(self).into_dyn()
    }
}

/// How near joined elements must be: sums within NumPy's bound, the number of terms times half a unit of the sum of magnitudes.
fn near_joined<T: Value, R: Value>(function: &str, x: &ArrayD<T>) -> Near {
    let float = matches!(R::NAME, "f2" | "f4" | "f8" | "c8" | "c16");
    let magnitudes = x.iter().flat_map(|x| x.parts()).filter(|part| part.is_finite()).map(f64::abs).sum::<f64>();
    match function {
        "add" if float => Near::Within(f64::EPSILON * 0.5 * x.len() as f64 * magnitudes),
        // In order, 16 bits are rounded after each step; NumPy rounds differences once.
        "subtract" if R::NAME == "f2" => Near::Within(2f64.powi(-11) * x.len() as f64 * magnitudes),
        "multiply" | "divide" | "hypot" if float => Near::Ulp(16.0),
        // Each step may double what the one before was off.
        _ if ELEMENTARY.contains(&function) && float => Near::Ulp(4096.0),
        _ => Near::Exact,
    }
}

/// `reduce`, `accumulate` and `reduceat` along each axis.
fn methods<F, T: Value>(f: F, name: &str, records: &Records, grid: &mut Grid)
where
    F: Binary<T, Output: Value>,
{
    let reduce = |a: &DistArrayD<T>, axis: isize, keepdims: bool| {
        let reduction = f.reduce(a).axis(axis);
        if keepdims { reduction.keepdims().run() } else { reduction.run() }
    };
    method_cells::<T, F::Output>(
        (&reduce, &|a, axis| f.accumulate(a).axis(axis).run(), &|a, indices, axis| {
            f.reduceat(a, indices).axis(axis).run()
        }),
        name,
        records,
        grid,
    );
}

/// The methods of a function, with an axis each: whether it is kept comes with `reduce`, indices with `reduceat`.
type Methods<'a, T, R> = (
    &'a dyn Fn(&DistArrayD<T>, isize, bool) -> distob::Result<DistArrayD<R>>,
    &'a dyn Fn(&DistArrayD<T>, isize) -> distob::Result<DistArrayD<R>>,
    &'a dyn Fn(&DistArrayD<T>, &[i64], isize) -> distob::Result<DistArrayD<R>>,
);

/// What [`methods`] does, of any function with these types.
fn method_cells<T: Value, R: Value>(
    (reduce, accumulate, reduceat): Methods<'_, T, R>,
    name: &str,
    records: &Records,
    grid: &mut Grid,
) {
    let of = |method: &str| records.get(&(method.to_owned(), name.to_owned())).into_iter().flatten();
    for record in of("reduce") {
        let (Some(x), Some(want)) = (array::<T>(&record.arrays[0]), array::<R>(&record.arrays[1])) else {
            continue;
        };
        let (axis, near) = (record.parameters[0], near_joined::<T, R>(name, &x));
        for (layout, a) in layouts(&x) {
            let cell = || format!("{name} of {}, {layout}, reduce {:?} along {axis}", T::NAME, x.shape());
            grid.cell("reduce", &cell, &mut || {
                let compared = compare(&reduce(&a, axis, false).map_err(|e| e.to_string())?, &want, near)?;
                let kept = reduce(&a, axis - x.ndim() as isize, true).map_err(|e| e.to_string())?;
                Ok(compared + compare(&kept, &want.clone().insert_axis(Axis(axis as usize)), near)?)
            });
        }
    }
    for record in of("accumulate") {
        let (Some(x), Some(want)) = (array::<T>(&record.arrays[0]), array::<R>(&record.arrays[1])) else {
            continue;
        };
        let (axis, near) = (record.parameters[0], near_joined::<T, R>(name, &x));
        for (layout, a) in layouts(&x) {
            let cell = || format!("{name} of {}, {layout}, accumulate {:?} along {axis}", T::NAME, x.shape());
            grid.cell("accumulate", &cell, &mut || {
                compare(&accumulate(&a, axis).map_err(|e| e.to_string())?, &want, near)
            });
        }
    }
    for record in of("reduceat") {
        let (Some(x), Some(indices), Some(want)) =
            (array::<T>(&record.arrays[0]), array::<i64>(&record.arrays[1]), array::<R>(&record.arrays[2]))
        else {
            continue;
        };
        let (axis, near) = (record.parameters[0], near_joined::<T, R>(name, &x));
        for (layout, a) in layouts(&x) {
            let cell = || format!("{name} of {}, {layout}, reduceat {:?} along {axis}", T::NAME, x.shape());
            grid.cell("reduceat", &cell, &mut || {
                let indices: Vec<i64> = indices.iter().copied().collect();
                compare(&reduceat(&a, &indices, axis).map_err(|e| e.to_string())?, &want, near)
            });
        }
    }
}

/// `at`, of functions that give what they take first.
fn places<F, T: Value>(f: F, name: &str, records: &Records, grid: &mut Grid)
where
    F: Binary<T, Output = T>,
{
    place_cells::<T>(&|a, indices, y| f.at(a, indices, y), name, records, grid);
}

/// `at` of a function of one type.
type AtOf<'a, T> = &'a dyn Fn(&mut DistArrayD<T>, &Vec<i64>, &ArrayD<T>) -> distob::Result<()>;

/// What [`places`] does, of any function of this type.
fn place_cells<T: Value>(f: AtOf<'_, T>, name: &str, records: &Records, grid: &mut Grid) {
    for record in records.get(&("at".to_owned(), name.to_owned())).into_iter().flatten() {
        let (Some(x), Some(indices), Some(y), Some(want)) = (
            array::<T>(&record.arrays[0]),
            array::<i64>(&record.arrays[1]),
            array::<T>(&record.arrays[2]),
            array::<T>(&record.arrays[3]),
        ) else {
            continue;
        };
        let joined = x.iter().chain(&y).copied().collect::<Vec<T>>();
        let near =
            near_joined::<T, T>(name, &ArrayD::from_shape_vec(IxDyn(&[joined.len()]), joined).expect("all of them"));
        for (layout, mut a) in layouts(&x) {
            grid.cell("at", &|| format!("{name} of {}, {layout}, at", T::NAME), &mut || {
                let indices: Vec<i64> = indices.iter().copied().collect();
                f(&mut a, &indices, &y).map_err(|e| e.to_string())?;
                compare(&a, &want, near)
            });
        }
    }
}

macro_rules! of_types {
    ($call:ident!($($given:tt)*) bools) => { $call!($($given)* bool) };
    ($call:ident!($($given:tt)*) ints) => { $call!($($given)* i8); $call!($($given)* i16); $call!($($given)* i32); $call!($($given)* i64);
        $call!($($given)* u8); $call!($($given)* u16); $call!($($given)* u32); $call!($($given)* u64) };
    ($call:ident!($($given:tt)*) floats) => { $call!($($given)* f16); $call!($($given)* f32); $call!($($given)* f64) };
    ($call:ident!($($given:tt)*) complexes) => { $call!($($given)* Complex<f32>); $call!($($given)* Complex<f64>) };
    ($call:ident!($($given:tt)*) doubles) => { $call!($($given)* f64); $call!($($given)* Complex<f64>) };
}

macro_rules! unary {
    ($records:ident $grid:ident: $($Name:ident $name:literal $($class:ident)*;)*) => {$($(
        macro_rules! one { ($t:ty) => { call_unary::<_, $t>(ufunc::$Name, $name, $records, $grid) }; }
        of_types!(one!() $class);
    )*)*};
}

macro_rules! binary {
    ($records:ident $grid:ident: $($Name:ident $name:literal $($class:ident)*;)*) => {$($(
        macro_rules! one {
            ($t:ty) => {
                call_binary::<_, $t, $t>(ufunc::$Name, $name, $records, $grid);
                outer::<_, $t>(ufunc::$Name, $name, $records, $grid);
                methods::<_, $t>(ufunc::$Name, $name, $records, $grid)
            };
        }
        of_types!(one!() $class);
    )*)*};
}

macro_rules! at {
    ($records:ident $grid:ident: $($Name:ident $name:literal $($class:ident)*;)*) => {$($(
        macro_rules! one { ($t:ty) => { places::<_, $t>(ufunc::$Name, $name, $records, $grid) }; }
        of_types!(one!() $class);
    )*)*};
}

fn pairs<T: Value>(records: &Records, grid: &mut Grid)
where
    ufunc::Modf: ufunc::UnaryPair<T, First = T, Second = T>,
    ufunc::Frexp: ufunc::UnaryPair<T, First = T, Second = i32>,
{
    for name in ["modf", "frexp"] {
        for record in &records[&("call".to_owned(), name.to_owned())] {
            let Some(x) = array::<T>(&record.arrays[0]) else { continue };
            grid.cell("call", &|| format!("{name} of {}", T::NAME), &mut || {
                let a = DistArray::from(&x);
                let first = array::<T>(&record.arrays[1]).expect("the same type");
                if name == "modf" {
                    let (fract, whole) = ufunc::Modf.call(&a);
                    compare(&fract, &first, Near::Exact)?;
                    compare(&whole, &array(&record.arrays[2]).expect("the same type"), Near::Exact)
                } else {
                    let (significand, exponent) = ufunc::Frexp.call(&a);
                    compare(&significand, &first, Near::Exact)?;
                    compare(&exponent, &array(&record.arrays[2]).expect("an exponent"), Near::Exact)
                }
            });
        }
    }
}

fn divmod<T: Value>(records: &Records, grid: &mut Grid)
where
    ufunc::Divmod: ufunc::BinaryPair<T, First = T, Second = T>,
{
    for record in &records[&("call".to_owned(), "divmod".to_owned())] {
        let (Some(x), Some(y)) = (array::<T>(&record.arrays[0]), array::<T>(&record.arrays[1])) else { continue };
        grid.cell("call", &|| format!("divmod of {}", T::NAME), &mut || {
            let (q, r) = ufunc::Divmod.call(&x, &y);
            compare(&q, &array(&record.arrays[2]).expect("the same type"), Near::Exact)?;
            compare(&r, &array(&record.arrays[3]).expect("the same type"), Near::Exact)
        });
    }
}

/// How near products must be: sums of as many terms, each of them and each sum off by half a unit of the greatest that they can be.
fn near_product<T: Value>(x: &ArrayD<T>, y: &ArrayD<T>) -> Near {
    if !matches!(T::NAME, "f2" | "f4" | "f8" | "c8" | "c16") {
        return Near::Exact;
    }
    let greatest = |x: &ArrayD<T>| x.iter().flat_map(|x| x.parts()).map(f64::abs).fold(0.0, f64::max);
    let terms = 2.0 * x.shape().last().copied().unwrap_or(1) as f64;
    let sum = terms * greatest(x) * greatest(y);
    Near::Within(terms * T::place(sum))
}

/// Products of matrices and vectors.
fn products<T: Value>(records: &Records, grid: &mut Grid)
where
    ufunc::Multiply: Binary<T, Output = T>,
    ufunc::Add: Binary<T, Output = T>,
{
    for name in ["matmul", "vecdot", "matvec", "vecmat"] {
        for record in &records[&("product".to_owned(), name.to_owned())] {
            let (Some(x), Some(y), Some(want)) =
                (array::<T>(&record.arrays[0]), array::<T>(&record.arrays[1]), array::<T>(&record.arrays[2]))
            else {
                continue;
            };
            for ((layout, a), (_, b)) in layouts(&x).into_iter().zip(layouts(&y)) {
                grid.cell(
                    "product",
                    &|| format!("{name} of {}, {layout}, {:?} by {:?}", T::NAME, x.shape(), y.shape()),
                    &mut || {
                        let got = match name {
                            "matmul" => ufunc::Matmul.try_call(&a, &b),
                            "vecdot" => ufunc::Vecdot.try_call(&a, &b),
                            "matvec" => ufunc::Matvec.try_call(&a, &b),
                            _ => ufunc::Vecmat.try_call(&a, &b),
                        };
                        compare(&got.map_err(|e| e.to_string())?, &want, near_product(&x, &y))
                    },
                );
            }
        }
    }
}

mod cells;

/// Every record of the file belongs to a function of the table.
pub fn run(records: &Records, grid: &mut Grid) {
    cells::cells(records, grid);
    macro_rules! of_pairs {
        ($t:ty) => {
            pairs::<$t>(records, grid)
        };
    }
    of_types!(of_pairs!() floats);
    macro_rules! of_divmod {
        ($t:ty) => {
            divmod::<$t>(records, grid)
        };
    }
    of_types!(of_divmod!() ints);
    of_types!(of_divmod!() floats);
    macro_rules! of_ldexp {
        ($t:ty) => {
            call_binary::<_, $t, i32>(ufunc::Ldexp, "ldexp", records, grid);
            call_binary::<_, $t, i64>(ufunc::Ldexp, "ldexp", records, grid)
        };
    }
    of_types!(of_ldexp!() floats);
    macro_rules! of_products {
        ($t:ty) => {
            products::<$t>(records, grid)
        };
    }
    of_types!(of_products!() bools);
    of_types!(of_products!() ints);
    of_types!(of_products!() floats);
    of_types!(of_products!() complexes);
    for (_, function) in records.keys().filter(|(method, _)| method != "product") {
        assert!(functions().iter().any(|info| info.name == function), "{function} is not in the table");
    }
}
