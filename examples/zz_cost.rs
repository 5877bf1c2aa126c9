use distob::prelude::*;
use std::time::Instant;
fn main() {
    // clock
    let n = 200_000_000u64;
    let mut x = 1u64;
    let t = Instant::now();
    for _ in 0..n {
        unsafe { std::arch::asm!("add {0}, 1", inout(reg) x) };
    }
    let s = t.elapsed().as_secs_f64();
    println!("{:.2} GHz {x}", n as f64 / s / 1e9);
    let mut v = Vec::new();
    macro_rules! cost {
        ($t:ty, $n:literal, $lo:expr, $hi:expr, $f:expr) => {{
            let x = ndarray::Array1::from_shape_fn(16384, |i| ($lo + ($hi - $lo) * i as f64 / 16384.0) as $t);
            let a = DistArray::from(x.clone());
            let b = DistArray::from(x.mapv(|v| v * 0.7 + 0.1));
            let mut best = f64::INFINITY;
            for _ in 0..400 {
                let t = Instant::now();
                let r = $f(&a, &b);
                let e = t.elapsed().as_secs_f64();
                drop(r);
                best = best.min(e);
            }
            v.push(format!("{:12} {} {:.3} ns", $n, stringify!($t), best / 16384.0 * 1e9));
        }};
    }
    cost!(f32, "neg", -5.0, 5.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| -a);
    cost!(f32, "exp", -5.0, 5.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| a.exp());
    cost!(f32, "ln", 0.1, 5.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| a.ln());
    cost!(f32, "sin", -5.0, 5.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| a.sin());
    cost!(f32, "tan", -5.0, 5.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| a.tan());
    cost!(f32, "asin", -1.0, 1.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| a.asin());
    cost!(f32, "atan", -5.0, 5.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| a.atan());
    cost!(f32, "ln_1p", 0.1, 5.0, |a: &DistArray1<f32>, _: &DistArray1<f32>| a.ln_1p());
    cost!(f32, "hypot", 0.1, 5.0, |a: &DistArray1<f32>, b: &DistArray1<f32>| a.hypot(b));
    cost!(f32, "logaddexp", 0.1, 5.0, |a: &DistArray1<f32>, b: &DistArray1<f32>| a.logaddexp(b));
    cost!(f64, "exp", -5.0, 5.0, |a: &DistArray1<f64>, _: &DistArray1<f64>| a.exp());
    cost!(f64, "log10", 0.1, 5.0, |a: &DistArray1<f64>, _: &DistArray1<f64>| a.log10());
    cost!(f64, "log2", 0.1, 5.0, |a: &DistArray1<f64>, _: &DistArray1<f64>| a.log2());
    cost!(f64, "ln_1p", 0.1, 5.0, |a: &DistArray1<f64>, _: &DistArray1<f64>| a.ln_1p());
    cost!(f64, "ln", 0.1, 5.0, |a: &DistArray1<f64>, _: &DistArray1<f64>| a.ln());
    cost!(f64, "atan2", 0.1, 5.0, |a: &DistArray1<f64>, b: &DistArray1<f64>| a.atan2(b));
    cost!(f64, "logaddexp", 0.1, 5.0, |a: &DistArray1<f64>, b: &DistArray1<f64>| a.logaddexp(b));
    for line in v {
        println!("{line}");
    }
}
