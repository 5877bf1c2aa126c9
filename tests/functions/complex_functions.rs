//! Functions of complex numbers against exact results: `tests/golden/complex_functions.txt`, made by `ci/complex_golden.py` with mpmath at
//! 2600 bits.
//!
//! Of the functions of one number the real and the imaginary part are compared by themselves, of powers the distance in units of the
//! modulus; 4 units in the last place are promised for both.

use std::collections::BTreeMap;

use distob::prelude::*;
use distob::ufunc as functions;
use num_complex::Complex;

const PROMISED: f64 = 4.0;

/// Operands and the exact result, rounded.
struct Record {
    operands: Vec<f64>,
    want: Complex<f64>,
}

fn records() -> BTreeMap<String, Vec<Record>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/complex_functions.txt");
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut records: BTreeMap<String, Vec<Record>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        let name = words.next().unwrap().to_owned();
        let mut operands: Vec<f64> = words.map(|word| word.parse().expect(line)).collect();
        let im = operands.pop().expect(line);
        let re = operands.pop().expect(line);
        records.entry(name).or_default().push(Record { operands, want: Complex::new(re, im) });
    }
    records
}

/// The distance in units in the last place of `want`, of a float with so many bits, least and greatest exponent.
fn ulps(got: f64, want: f64, place_of: f64, (bits, least, greatest): (i32, i32, i32)) -> f64 {
    let overflows = |x: f64| x.abs() >= (greatest as f64 + 1.0).exp2();
    if got == want || (got.is_infinite() && overflows(want) && got.signum() == want.signum()) {
        return 0.0;
    }
    if !got.is_finite() || !want.is_finite() {
        // Both are within some units of the greatest number, or one is wrong.
        let least = (1.0 - 8.0 * 2f64.powi(-bits)) * 2f64.powi(greatest) * 2.0;
        let near = |x: f64| x.abs() >= least && x.signum() == want.signum();
        return if near(got) && near(want) { 1.0 } else { f64::INFINITY };
    }
    let exponent = if place_of == 0.0 { least } else { (place_of.abs().log2().floor() as i32).clamp(least, greatest) };
    let place = exponent + 1 - bits;
    ((got / 2.0 - want / 2.0) * 2f64.powi(-(place / 2)) * 2f64.powi(place / 2 - place) * 2.0).abs()
}

const DOUBLE: (i32, i32, i32) = (53, -1022, 1023);
const SINGLE: (i32, i32, i32) = (24, -126, 127);

type Double = DistArray1<Complex<f64>>;
type Single = DistArray1<Complex<f32>>;

/// Each function's name in the file, and the function for both precisions.
macro_rules! every {
    ($($name:literal $Function:ident;)*) => {
        [$(($name, (|z: &Double| functions::$Function.call(z)) as fn(&Double) -> Double,
            (|z: &Single| functions::$Function.call(z)) as fn(&Single) -> Single)),*]
    };
}

fn check(name: &str, record: &Record, got: Complex<f64>, by_modulus: bool, precision: (i32, i32, i32)) -> f64 {
    let Record { operands, want } = record;
    let parts = if by_modulus {
        let modulus = want.re.abs().max(want.im.abs());
        let finite = [(got.re, want.re), (got.im, want.im)].map(|(g, w)| ulps(g, w, modulus, precision));
        finite[0].hypot(finite[1])
    } else {
        ulps(got.re, want.re, want.re, precision).max(ulps(got.im, want.im, want.im, precision))
    };
    assert!(parts <= PROMISED, "{name} of {operands:?}: {got:?}, not {want:?}: {parts} units in the last place");
    parts
}

#[test]
fn functions_of_one_number_are_near_in_each_part() {
    let records = records();
    let functions = every! {
        "exp" Exp; "exp2" Exp2; "exp_m1" Expm1; "ln" Log; "log2" Log2; "log10" Log10; "ln_1p" Log1p; "sqrt" Sqrt; "sign" Sign;
        "sin" Sin; "cos" Cos; "tan" Tan; "sinh" Sinh; "cosh" Cosh; "tanh" Tanh;
        "asin" Arcsin; "acos" Arccos; "atan" Arctan; "asinh" Arcsinh; "acosh" Arccosh; "atanh" Arctanh;
    };
    assert_eq!(records.len(), functions.len() + 1);
    for (name, double, single) in functions {
        let records = &records[name];
        assert!(records.len() >= 90, "{name}: {} records", records.len());
        let z: Vec<_> = records.iter().map(|record| Complex::new(record.operands[0], record.operands[1])).collect();
        for (got, record) in double(&DistArray::from_vec(z.clone())).iter().zip(records) {
            check(name, record, *got, false, DOUBLE);
        }
        // Of operands that an `f32` holds the same results, rounded to it.
        let narrow = |z: Complex<f64>| Complex::new(z.re as f32, z.im as f32);
        let held = |z: &Complex<f64>| f64::from(z.re as f32) == z.re && f64::from(z.im as f32) == z.im;
        let (held, records): (Vec<_>, Vec<_>) = z.iter().zip(records).filter(|(z, _)| held(z)).unzip();
        assert!(held.len() >= 5, "{name}: {} operands in single precision", held.len());
        let got = single(&held.iter().map(|&&z| narrow(z)).collect());
        for (got, record) in got.iter().zip(records) {
            check(name, record, Complex::new(f64::from(got.re), f64::from(got.im)), false, SINGLE);
        }
    }
}

#[test]
fn powers_are_near_in_units_of_their_modulus() {
    let records = &records()["power"];
    assert!(records.len() >= 120, "{} records", records.len());
    let part = |nth: usize| -> Vec<_> {
        records.iter().map(|record| Complex::new(record.operands[nth], record.operands[nth + 1])).collect()
    };
    let (a, b) = (DistArray::from_vec(part(0)), DistArray::from_vec(part(2)));
    let powers = functions::Power.call(&a, &b);
    for (got, record) in powers.iter().zip(records) {
        check("power", record, *got, true, DOUBLE);
    }
    assert_eq!(a.powc(&b), powers);
    let real: Vec<usize> = (0..records.len()).filter(|&i| b[i].im == 0.0).collect();
    for &i in &real {
        assert_eq!(DistArray::from_vec(vec![a[i]]).powf(b[i].re)[0], powers[i], "{:?}", records[i].operands);
    }
    assert!(real.len() > 20);
}

/// What a power of two has in common with `exp2`, and a turn with its half: no table says these.
#[test]
fn phases_keep_the_laws_of_exponents() {
    let modulus = |z: Complex<f64>| z.re.hypot(z.im);
    for y in [1.0, 3e3, 1e9, 1e18, 1e22, 7.7e40, 1e100, 1e300, 1.7e308] {
        for y in [y, -y] {
            let z = functions::Exp2.call(&DistArray::from_vec(vec![Complex::new(0.0, y), Complex::new(0.0, 0.5 * y)]));
            assert!(
                (modulus(z[0]) - 1.0).abs() < 1e-15 && (modulus(z[1]) - 1.0).abs() < 1e-15,
                "exp2({y}i) = {}",
                z[0]
            );
            assert!(modulus(z[1] * z[1] - z[0]) < 1e-15, "exp2({y}i / 2)^2 = {}, exp2({y}i) = {}", z[1] * z[1], z[0]);
            let two = DistArray::from_vec(vec![Complex::new(2.0, 0.0)]);
            assert_eq!(functions::Power.call(&two, Complex::new(0.0, y))[0_usize], z[0]);
            let four =
                functions::Power.call(&DistArray::from_vec(vec![Complex::new(4.0, 0.0)]), Complex::new(0.0, 0.5 * y));
            assert!(modulus(four[0_usize] - z[0]) < 1e-15, "4^({y}i / 2) = {}, 2^({y}i) = {}", four[0_usize], z[0]);
        }
    }
    // (-1)^n and i^n, from which a double that is near pi would be a turn away.
    let (minus, i) = (Complex::new(-1.0, 0.0), Complex::new(0.0, 1.0));
    let base = DistArray::from_vec(vec![minus, minus, i, i, i]);
    let powers = functions::Power
        .call(&base, &DistArray::from_vec([1e15, 1e15 + 1.0, 1e15, 1e15 + 1.0, 1e18].map(Complex::from).to_vec()));
    for (got, want) in powers.iter().zip([1.0.into(), minus, 1.0.into(), i, 1.0.into()]) {
        assert!(modulus(got - want) < 1e-15, "{got}, not {want}");
    }
}
