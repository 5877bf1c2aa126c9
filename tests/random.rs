//! Random expressions over random shapes: against ndarray, element for element, and between hubs, bit for bit.
//!
//! `ci/soak random --rounds N` runs it for long; each round says its seed when it fails, and
//! `DISTOB_SOAK_SEED=seed` runs that round alone.

use distob::prelude::*;
use ndarray::{ArrayD, IxDyn, Slice, Zip};

/// SplitMix64: the same numbers for the same seed, anywhere.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A whole number from -8 to 8.
    fn small(&mut self) -> f64 {
        self.below(17) as f64 - 8.0
    }

    /// A shape of 0 to 4 axes; now and then an axis of 0 or 1, and now and then a large one.
    fn shape(&mut self) -> Vec<usize> {
        let large = self.below(12) == 0;
        let mut shape: Vec<usize> = (0..self.below(5))
            .map(|_| match self.below(20) {
                0 => 0,
                1..=3 => 1,
                _ => 2 + self.below(11),
            })
            .collect();
        if large && !shape.is_empty() {
            let at = self.below(shape.len());
            let others: usize = shape.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, n)| n.max(&1)).product();
            shape[at] = 60_000 / others + self.below(100_000) / others;
        }
        shape
    }

    fn array(&mut self, shape: &[usize]) -> ArrayD<f64> {
        ArrayD::from_shape_simple_fn(IxDyn(shape), || self.small())
    }

    /// A shape that broadcasts to `shape`: some axes 1, leading ones left out.
    fn narrower(&mut self, shape: &[usize]) -> Vec<usize> {
        let skip = self.below(shape.len() + 1);
        let mut narrower = shape[if self.below(2) == 0 { 0 } else { skip }..].to_vec();
        for n in &mut narrower {
            if self.below(3) == 0 {
                *n = 1;
            }
        }
        narrower
    }
}

/// An array of distob's and what it should be, and how they came to be.
struct Pair {
    ours: DistArrayD<f64>,
    theirs: ArrayD<f64>,
    steps: Vec<String>,
}

impl Pair {
    fn new(hub: &Hub, random: &mut Random) -> Pair {
        let shape = random.shape();
        let theirs = random.array(&shape);
        let ours = hub.scatter(&theirs).expect("memory for a small array");
        Pair { ours, theirs, steps: vec![format!("array {shape:?}")] }
    }

    /// All numbers stay whole and small, so that sums are exact in any order.
    fn step(&mut self, hub: &Hub, random: &mut Random) {
        let (a, x) = (&self.ours, &self.theirs);
        let shape = x.shape().to_vec();
        let ndim = shape.len();
        let other = random.narrower(&shape);
        let y = random.array(&other);
        let b = if random.below(2) == 0 {
            hub.scatter(&y).expect("memory")
        } else {
            // An operand that is itself pending.
            hub.scatter(&y).expect("memory") + 0.0
        };
        let k = random.small();
        let (name, ours, theirs) = match random.below(22) {
            0 => ("+", a + &b, x + &y),
            1 => ("ndarray -", &y - a, &y - x),
            2 => ("*", a * &b, x * &y),
            3 => ("neg", -a, -x),
            4 => ("abs", a.abs(), x.abs()),
            5 => ("+ number", a + k, x + k),
            6 => ("number -", k - a, k - x),
            7 => ("* number", a * k, x * k),
            8 => ("minimum", a.minimum(&b), both(x, &y, f64::min)),
            9 => ("maximum of ndarray", a.maximum(&y), both(x, &y, f64::max)),
            10 => {
                let chosen = both(x, &y, |x, y| if x < y { x } else { y * 2.0 });
                ("choose", a.less(&b).choose(a, &(&b * 2.0)), chosen)
            }
            11 => ("t", a.t().to_shared(), x.t().to_owned()),
            12 => {
                let cut: Vec<Slice> = shape.iter().map(|&n| slice(random, n)).collect();
                let mut ours = a.clone();
                ours.slice_each_axis_inplace(|axis| cut[axis.axis.index()]);
                ("slice", ours, x.slice_each_axis(|axis| cut[axis.axis.index()]).to_owned())
            }
            13 => {
                let shape = [x.len()];
                ("flatten", a.reshape(IxDyn(&shape)), x.to_shape(IxDyn(&shape)).expect("as many").to_owned())
            }
            14 if ndim > 0 => {
                let axis = Axis(random.below(ndim));
                ("sum_axis", a.sum_axis(axis), x.sum_axis(axis))
            }
            15 if ndim > 0 && !x.is_empty() => {
                let axis = Axis(random.below(ndim));
                let most = x.fold_axis(axis, f64::NEG_INFINITY, |m, &v| m.max(v));
                ("max_axis", a.max_axis(axis).expect("not empty"), most)
            }
            16 => {
                a.eval().expect("memory for a small array");
                ("eval", a.clone(), x.clone())
            }
            17 => ("mapv", a.mapv(|v| v * 2.0 - 1.0), x.mapv(|v| v * 2.0 - 1.0)),
            18 if !x.is_empty() => {
                // Written through a dereference: the array that shares the elements must not change.
                let (mut ours, mut theirs) = (a.clone(), x.clone());
                let at: Vec<usize> = shape.iter().map(|&n| random.below(n)).collect();
                (ours[IxDyn(&at)], theirs[IxDyn(&at)]) = (k, k);
                same("what was shared", a, x, &self.steps);
                ("write", ours, theirs)
            }
            19 => ("square + itself", a * a + a, x * x + x),
            20 => {
                let (mut ours, mut theirs) = (a.clone(), x.clone());
                if both_fit(&shape, &other) {
                    ours += &b;
                    theirs += &y;
                }
                ("+=", ours, theirs)
            }
            _ => ("clamp", a.clamp(-5.0, 6.0), x.mapv(|v| v.clamp(-5.0, 6.0))),
        };
        self.steps.push(format!("{name} (other {other:?}, number {k})"));
        (self.ours, self.theirs) = (ours, theirs);
        if self.theirs.iter().any(|v| v.abs() > 1e6) {
            (self.ours, self.theirs) = (self.ours.clamp(-99.0, 99.0), self.theirs.mapv(|v| v.clamp(-99.0, 99.0)));
            self.steps.push("clamp to 99".to_owned());
        }
    }

    fn check(&self) {
        let (a, x) = (&self.ours, &self.theirs);
        // Reductions first: they run on what is still pending.
        assert_eq!(a.sum(), x.sum(), "sum: {:#?}", self.steps);
        assert_eq!(a.mean().map(f64::to_bits), x.mean().map(f64::to_bits), "mean: {:#?}", self.steps);
        let most = x.iter().copied().reduce(f64::max);
        assert_eq!(a.max(), most, "max: {:#?}", self.steps);
        let place = x.iter().position(|v| Some(*v) == most);
        let found = a.argmax().map(|at| at.slice().iter().zip(x.shape()).fold(0, |flat, (i, n)| flat * n + i));
        assert_eq!(found, place, "argmax: {:#?}", self.steps);
        same("elements", a, x, &self.steps);
    }
}

#[track_caller]
fn same(what: &str, ours: &DistArrayD<f64>, theirs: &ArrayD<f64>, steps: &[String]) {
    assert_eq!(ours.shape(), theirs.shape(), "{what}: {steps:#?}");
    let differs = ours.iter().zip(theirs).position(|(a, b)| a != b);
    assert!(differs.is_none(), "{what}: element {differs:?} differs: {steps:#?}");
}

fn both(x: &ArrayD<f64>, y: &ArrayD<f64>, f: impl Fn(f64, f64) -> f64) -> ArrayD<f64> {
    let y = y.broadcast(x.raw_dim()).expect("it was made to broadcast");
    Zip::from(x).and(&y).map_collect(|&x, &y| f(x, y))
}

fn both_fit(shape: &[usize], other: &[usize]) -> bool {
    other.len() <= shape.len() && other.iter().rev().zip(shape.iter().rev()).all(|(o, n)| o == n || *o == 1)
}

fn slice(random: &mut Random, n: usize) -> Slice {
    let start = random.below(n + 1);
    let end = start + random.below(n - start + 1);
    let step = [1, 1, 2, 3, -1, -2][random.below(6)];
    Slice::new(start as isize, Some(end as isize), step)
}

fn rounds(default: u64) -> impl Iterator<Item = u64> {
    let number = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().expect("a number"));
    let only = number("DISTOB_SOAK_SEED");
    let rounds = number("DISTOB_SOAK_ROUNDS").unwrap_or(default);
    only.map_or(0..rounds, |seed| seed..seed + 1)
}

fn hubs() -> Vec<Hub> {
    let embedded = |n| Hub::builder().embedded().engines(n).start().expect("a hub");
    let processes = Hub::builder().process().engines(2).start().expect("a hub with engine processes");
    vec![embedded(1), embedded(2), embedded(3), processes]
}

#[distob::test]
fn random_expressions_are_what_ndarray_computes() {
    let hubs = hubs();
    let (mut done, mut failed) = (0, Vec::new());
    for seed in rounds(120) {
        let hub = &hubs[(seed % hubs.len() as u64) as usize];
        let run = || {
            let mut random = Random(seed);
            let mut pair = Pair::new(hub, &mut random);
            for _ in 0..1 + random.below(9) {
                pair.step(hub, &mut random);
            }
            pair.check();
        };
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
            Ok(()) => done += 1,
            Err(_) => failed.push(seed),
        }
        assert!(failed.len() < 10, "too many fail; one of them again with DISTOB_SOAK_SEED=seed: {failed:?}");
    }
    assert!(failed.is_empty(), "one of these again with DISTOB_SOAK_SEED=seed: {failed:?}");
    println!("{done} random expressions agree with ndarray");
}

/// Results of one round on one hub: their bits.
fn bits(hub: &Hub, seed: u64) -> Vec<(&'static str, Vec<u64>)> {
    let mut random = Random(seed ^ 0xB175);
    let shape = [1 + random.below(60), 1 + random.below(70), 1 + random.below(80)];
    let numbers = Array3::from_shape_simple_fn(shape, || (random.next() >> 11) as f64 / 1e15 - 4.0);
    let axis = Axis(random.below(3));
    let a = hub.scatter(&numbers).expect("memory");
    // The same values, laid out and split in another way.
    let mut turned = hub.scatter(&numbers.t().as_standard_layout()).expect("memory").reversed_axes();
    if random.below(2) == 0 {
        turned = turned.resplit(random.below(3) as isize).expect("it has the axis");
    }
    let of = |array: DistArrayD<f64>| array.iter().map(|v| v.to_bits()).collect();
    let mean = a.mean_axis(axis).expect("not empty").insert_axis(axis);
    let z = (&a - &mean) / a.std_axis(axis, 0.0).insert_axis(axis);
    vec![
        ("sum", vec![a.sum().to_bits(), (&a * &a).sum().to_bits()]),
        ("sum, turned", vec![turned.sum().to_bits(), (&turned * &turned).sum().to_bits()]),
        ("mean, var", vec![a.mean().expect("not empty").to_bits(), a.var(0.0).to_bits()]),
        ("mean, var, turned", vec![turned.mean().expect("not empty").to_bits(), turned.var(0.0).to_bits()]),
        ("sum_axis", of(a.sum_axis(axis).into_dyn())),
        ("sum_axis, turned", of(turned.sum_axis(axis).into_dyn())),
        ("std_axis", of(a.std_axis(axis, 1.0).into_dyn())),
        ("zscore", of(z.into_dyn())),
        ("exp", of((&a * 0.5).exp().into_dyn())),
    ]
}

#[distob::test]
fn every_hub_gives_the_same_bits() {
    let hubs = hubs();
    for seed in rounds(24) {
        let first = bits(&hubs[0], seed);
        for pair in first.chunks_exact(2).take(3) {
            assert_eq!(pair[0].1, pair[1].1, "seed {seed}: {} and {}", pair[0].0, pair[1].0);
        }
        for hub in &hubs[1..] {
            for ((what, want), (_, got)) in first.iter().zip(bits(hub, seed)) {
                assert!(
                    *want == got,
                    "seed {seed}: {what} has other bits with {} {:?} engines",
                    hub.engines(),
                    hub.kind()
                );
            }
        }
    }
}
