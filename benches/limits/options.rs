//! Black-Scholes prices of European calls and puts, by one formula in all columns.
//!
//! The normal distribution is the polynomial of Abramowitz and Stegun 26.2.17 (error below 7.5e-8), since `std` has no
//! error function: what a user of ndarray writes with what is there. An option costs one logarithm, one square
//! root and three exponentials.

pub const RATE: f64 = 0.02;
pub const VOLATILITY: f64 = 0.3;

/// Coefficients of A&S 26.2.17, from the first power up, and the scale of `t`.
pub const POLYNOMIAL: [f64; 5] = [0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
pub const SCALE: f64 = 0.2316419;
/// One over the square root of two pi.
pub const DENSITY: f64 = 0.398_942_280_401_432_7;

fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + SCALE * x.abs());
    let [b1, b2, b3, b4, b5] = POLYNOMIAL;
    let tail = DENSITY * (-0.5 * x * x).exp() * (t * (b1 + t * (b2 + t * (b3 + t * (b4 + t * b5)))));
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// Price of a call and of a put on `price` at `strike` in `time` years.
pub fn call_and_put(price: f64, strike: f64, time: f64) -> (f64, f64) {
    let spread = VOLATILITY * time.sqrt();
    let d1 = ((price / strike).ln() + (RATE + 0.5 * VOLATILITY * VOLATILITY) * time) / spread;
    let d2 = d1 - spread;
    let discounted = strike * (-RATE * time).exp();
    let call = price * normal(d1) - discounted * normal(d2);
    // Put-call parity.
    (call, call - price + discounted)
}
