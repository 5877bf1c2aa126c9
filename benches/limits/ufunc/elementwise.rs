//! Every function place by place, for `f64`, `f32` and integers: distob, ndarray alone and with rayon, SLEEF where it has the
//! function, and the floor of the bytes that have to move.

use super::Bench;
use crate::rig::Column;
use crate::sleef::{Function, Lane};
use crate::targets::Target::{self, OfFloor, OfFloorOr};
use distob::prelude::*;
use distob::ufunc::{self, Element};
use ndarray::{Array1, Zip};
use rayon::prelude::*;

/// Operands of one type: numbers from 0.05 to 10 (integers: 1 to 100), the same over 10.05, and one more than the first.
struct Operands<T: Element> {
    a: Array1<T>,
    b: Array1<T>,
    unit: Array1<T>,
    above: Array1<T>,
    ours: [DistArray1<T>; 4],
}

impl<T: Element> Operands<T> {
    fn new(hub: &Hub, n: usize, of: impl Fn(f64) -> T + Sync) -> Operands<T> {
        let numbers = |seed: u64, change: &(dyn Fn(f64) -> f64 + Sync)| {
            let made: Vec<T> = (0..n as u64)
                .into_par_iter()
                .map(|i| {
                    of(change(0.05 + 9.95 * (crate::inputs::mix(i ^ (seed << 56)) >> 11) as f64 / (1u64 << 53) as f64))
                })
                .collect();
            Array1::from(made)
        };
        let (a, b) = (numbers(1, &|x| x), numbers(2, &|x| x));
        let (unit, above) = (numbers(1, &|x| x / 10.05), numbers(1, &|x| x + 1.0));
        let ours = [&a, &b, &unit, &above].map(|x| hub.scatter(x).expect("memory for an operand"));
        Operands { a, b, unit, above, ours }
    }

    /// An operand, by the name of its range.
    fn of(&self, range: Range) -> (&Array1<T>, &DistArray1<T>) {
        match range {
            Range::Wide => (&self.a, &self.ours[0]),
            Range::Unit => (&self.unit, &self.ours[2]),
            Range::Above => (&self.above, &self.ours[3]),
        }
    }
}

#[derive(Clone, Copy)]
enum Range {
    Wide,
    Unit,
    Above,
}

/// What limits a function: the memory, or arithmetic.
const ARITHMETIC: &[Target] = &[OfFloor(0.85)];
const ELEMENTARY: &[Target] = &[OfFloorOr(0.6, "sleef", 1.2)];

/// The column of SLEEF, where it has the function or what it is made of.
fn sleef<'a, T: Lane + Element + Default>(
    bench: &Bench<'a>,
    name: &str,
    operands: usize,
    a: &'a [T],
    b: &'a [T],
) -> Option<Column<'a>> {
    let function = match name {
        "logaddexp" => Function::find_log_of_sum::<T>("exp", 1.0)?,
        "logaddexp2" => Function::find_log_of_sum::<T>("exp2", std::f64::consts::LOG2_E)?,
        _ => Function::find::<T>(name, operands)?,
    };
    let floor = bench.floor;
    let mut out = vec![T::default(); a.len()];
    let column = Column::new("sleef", move || function.run(&floor.team, a, b, &mut out));
    Some(column.around(move || floor.team.run(&|_| ()), move || floor.team.rest()))
}

macro_rules! unary {
    ($bench:ident, $n:ident, $x:ident, $t:ident, $tag:literal: $($name:literal $Name:ident $range:ident $targets:ident $sleef:literal $f:expr;)*) => {$(
        let label = format!("{}{}", $name, $tag);
        if ($bench.wants)(&label, $n) {
            let (theirs, ours) = $x.of(Range::$range);
            let f: fn($t) -> _ = $f;
            let out = size_of_val(&f(theirs[0]));
            let mut columns = vec![
                $bench.bytes($n * size_of::<$t>(), $n * out),
                Column::fresh("distob", || ufunc::$Name.call(ours).evaluated().expect("memory")),
                Column::fresh("ndarray", || theirs.mapv(f)),
                Column::fresh("rayon", || Zip::from(theirs).par_map_collect(|&x| f(x))),
            ];
            let slice = theirs.as_slice().expect("one dimension");
            columns.extend((!$sleef.is_empty()).then(|| sleef($bench, $sleef, 1, slice, slice)).flatten());
            let effort = $bench.effort.brief();
            $bench.row(&label, $n, stringify!($t), columns, $targets, effort);
        }
    )*};
}

macro_rules! binary {
    ($bench:ident, $n:ident, $x:ident, $t:ident, $tag:literal: $($name:literal $Name:ident $targets:ident $sleef:literal $f:expr;)*) => {$(
        let label = format!("{}{}", $name, $tag);
        if ($bench.wants)(&label, $n) {
            let f: fn($t, $t) -> _ = $f;
            let out = size_of_val(&f($x.a[0], $x.b[0]));
            let mut columns = vec![
                $bench.bytes(2 * $n * size_of::<$t>(), $n * out),
                Column::fresh("distob", || ufunc::$Name.call(&$x.ours[0], &$x.ours[1]).evaluated().expect("memory")),
                Column::fresh("ndarray", || Zip::from(&$x.a).and(&$x.b).map_collect(|&x, &y| f(x, y))),
                Column::fresh("rayon", || Zip::from(&$x.a).and(&$x.b).par_map_collect(|&x, &y| f(x, y))),
            ];
            let (a, b) = ($x.a.as_slice().expect("one dimension"), $x.b.as_slice().expect("one dimension"));
            columns.extend((!$sleef.is_empty()).then(|| sleef($bench, $sleef, 2, a, b)).flatten());
            let effort = $bench.effort.brief();
            $bench.row(&label, $n, stringify!($t), columns, $targets, effort);
        }
    )*};
}

macro_rules! floats {
    ($bench:ident, $n:ident, $x:ident, $t:ident, $tag:literal) => {
        unary! { $bench, $n, $x, $t, $tag:
            "absolute" Absolute Wide ARITHMETIC "" |x| x.abs();
            "ceil" Ceil Wide ARITHMETIC "" |x| x.ceil();
            "conjugate" Conjugate Wide ARITHMETIC "" |x| x;
            "deg2rad" Deg2rad Wide ARITHMETIC "" |x| x.to_radians();
            "degrees" Degrees Wide ARITHMETIC "" |x| x.to_degrees();
            "fabs" Fabs Wide ARITHMETIC "" |x| x.abs();
            "floor" Floor Wide ARITHMETIC "" |x| x.floor();
            "isfinite" Isfinite Wide ARITHMETIC "" |x| x.is_finite();
            "isinf" Isinf Wide ARITHMETIC "" |x| x.is_infinite();
            "isnan" Isnan Wide ARITHMETIC "" |x| x.is_nan();
            "logical_not" LogicalNot Wide ARITHMETIC "" |x| x == 0.0;
            "negative" Negative Wide ARITHMETIC "" |x| -x;
            "positive" Positive Wide ARITHMETIC "" |x| x;
            "rad2deg" Rad2deg Wide ARITHMETIC "" |x| x.to_degrees();
            "radians" Radians Wide ARITHMETIC "" |x| x.to_radians();
            "reciprocal" Reciprocal Wide ARITHMETIC "" |x| x.recip();
            "rint" Rint Wide ARITHMETIC "" |x| x.round_ties_even();
            "sign" Sign Wide ARITHMETIC "" |x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x };
            "signbit" Signbit Wide ARITHMETIC "" |x| x.is_sign_negative();
            "spacing" Spacing Wide ARITHMETIC "" |x| x.next_up() - x;
            "sqrt" Sqrt Wide ARITHMETIC "" |x| x.sqrt();
            "square" Square Wide ARITHMETIC "" |x| x * x;
            "trunc" Trunc Wide ARITHMETIC "" |x| x.trunc();
            "arccos" Arccos Unit ELEMENTARY "acos" |x| x.acos();
            "arccosh" Arccosh Above ELEMENTARY "acosh" |x| x.acosh();
            "arcsin" Arcsin Unit ELEMENTARY "asin" |x| x.asin();
            "arcsinh" Arcsinh Wide ELEMENTARY "asinh" |x| x.asinh();
            "arctan" Arctan Wide ELEMENTARY "atan" |x| x.atan();
            "arctanh" Arctanh Unit ELEMENTARY "atanh" |x| x.atanh();
            "cbrt" Cbrt Wide ELEMENTARY "cbrt" |x| x.cbrt();
            "cos" Cos Wide ELEMENTARY "cos" |x| x.cos();
            "cosh" Cosh Wide ELEMENTARY "cosh" |x| x.cosh();
            "exp" Exp Wide ELEMENTARY "exp" |x| x.exp();
            "exp2" Exp2 Wide ELEMENTARY "exp2" |x| x.exp2();
            "expm1" Expm1 Wide ELEMENTARY "expm1" |x| x.exp_m1();
            "log" Log Wide ELEMENTARY "log" |x| x.ln();
            "log10" Log10 Wide ELEMENTARY "log10" |x| x.log10();
            "log1p" Log1p Wide ELEMENTARY "log1p" |x| x.ln_1p();
            "log2" Log2 Wide ELEMENTARY "log2" |x| x.log2();
            "sin" Sin Wide ELEMENTARY "sin" |x| x.sin();
            "sinh" Sinh Wide ELEMENTARY "sinh" |x| x.sinh();
            "tan" Tan Wide ELEMENTARY "tan" |x| x.tan();
            "tanh" Tanh Wide ELEMENTARY "tanh" |x| x.tanh();
        }
        binary! { $bench, $n, $x, $t, $tag:
            "add" Add ARITHMETIC "" |x, y| x + y;
            "copysign" Copysign ARITHMETIC "" |x, y| x.copysign(y);
            "divide" Divide ARITHMETIC "" |x, y| x / y;
            "equal" Equal ARITHMETIC "" |x, y| x == y;
            "floor_divide" FloorDivide ARITHMETIC "" |x, y| (x / y).floor();
            "fmax" Fmax ARITHMETIC "" |x, y| x.max(y);
            "fmin" Fmin ARITHMETIC "" |x, y| x.min(y);
            "fmod" Fmod ARITHMETIC "" |x, y| x % y;
            "greater" Greater ARITHMETIC "" |x, y| x > y;
            "greater_equal" GreaterEqual ARITHMETIC "" |x, y| x >= y;
            "heaviside" Heaviside ARITHMETIC "" |x, y| if x < 0.0 { 0.0 } else if x > 0.0 { 1.0 } else { y };
            "less" Less ARITHMETIC "" |x, y| x < y;
            "less_equal" LessEqual ARITHMETIC "" |x, y| x <= y;
            "logical_and" LogicalAnd ARITHMETIC "" |x, y| x != 0.0 && y != 0.0;
            "logical_or" LogicalOr ARITHMETIC "" |x, y| x != 0.0 || y != 0.0;
            "logical_xor" LogicalXor ARITHMETIC "" |x, y| (x != 0.0) != (y != 0.0);
            "maximum" Maximum ARITHMETIC "" |x, y| if x > y { x } else { y };
            "minimum" Minimum ARITHMETIC "" |x, y| if x < y { x } else { y };
            "multiply" Multiply ARITHMETIC "" |x, y| x * y;
            "nextafter" Nextafter ARITHMETIC "" |x, y| if x < y { x.next_up() } else { x.next_down() };
            "not_equal" NotEqual ARITHMETIC "" |x, y| x != y;
            "remainder" Remainder ARITHMETIC "" |x, y| x - y * (x / y).floor();
            "subtract" Subtract ARITHMETIC "" |x, y| x - y;
            "arctan2" Arctan2 ELEMENTARY "atan2" |x, y| x.atan2(y);
            "hypot" Hypot ELEMENTARY "hypot" |x, y| x.hypot(y);
            "logaddexp" Logaddexp ELEMENTARY "logaddexp" |x, y| x.max(y) + (-(x - y).abs()).exp().ln_1p();
            "logaddexp2" Logaddexp2 ELEMENTARY "logaddexp2" |x, y| x.max(y) + (-(x - y).abs()).exp2().ln_1p() / std::$t::consts::LN_2;
            "power" Power ELEMENTARY "pow" |x, y| x.powf(y);
        }
    };
}

macro_rules! integers {
    ($bench:ident, $n:ident, $x:ident, $t:ident, $tag:literal) => {
        unary! { $bench, $n, $x, $t, $tag:
            "absolute" Absolute Wide ARITHMETIC "" |x| x.wrapping_abs();
            "bitwise_count" BitwiseCount Wide ARITHMETIC "" |x| x.unsigned_abs().count_ones() as u8;
            "invert" Invert Wide ARITHMETIC "" |x| !x;
            "negative" Negative Wide ARITHMETIC "" |x| x.wrapping_neg();
            "sign" Sign Wide ARITHMETIC "" |x| x.signum();
            "square" Square Wide ARITHMETIC "" |x| x.wrapping_mul(x);
        }
        binary! { $bench, $n, $x, $t, $tag:
            "add" Add ARITHMETIC "" |x, y| x.wrapping_add(y);
            "subtract" Subtract ARITHMETIC "" |x, y| x.wrapping_sub(y);
            "multiply" Multiply ARITHMETIC "" |x, y| x.wrapping_mul(y);
            "floor_divide" FloorDivide ARITHMETIC "" |x, y| x.div_euclid(y);
            "remainder" Remainder ARITHMETIC "" |x, y| x.rem_euclid(y);
            "maximum" Maximum ARITHMETIC "" |x, y| x.max(y);
            "less" Less ARITHMETIC "" |x, y| x < y;
            "bitwise_and" BitwiseAnd ARITHMETIC "" |x, y| x & y;
            "left_shift" LeftShift ARITHMETIC "" |x, y| x.checked_shl(y as u32).unwrap_or(0);
            "right_shift" RightShift ARITHMETIC "" |x, y| x.checked_shr(y as u32).unwrap_or(0);
        }
    };
}

/// The rows of `n` elements: for `f64` of every function; for other types where that says something of its own.
pub fn rows(bench: &mut Bench<'_>, n: usize) {
    let hub = bench.hub.clone();
    {
        let x = Operands::<f64>::new(&hub, n, |x| x);
        floats!(bench, n, x, f64, "");
    }
    {
        let x = Operands::<f32>::new(&hub, n, |x| x as f32);
        floats!(bench, n, x, f32, ".f32");
    }
    macro_rules! of_integers {
        ($t:ident, $tag:literal) => {{
            let x = Operands::<$t>::new(&hub, n, |x| 1 + (x * 9.9) as $t);
            integers!(bench, n, x, $t, $tag);
        }};
    }
    of_integers!(i8, ".i8");
    of_integers!(i16, ".i16");
    of_integers!(i32, ".i32");
}
