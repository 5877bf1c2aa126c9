//! Expressions too large for one program: hundreds of instructions, constants and arrays, in chains, trees and graphs with
//! shared parts. They are ndarray's step by step, bit for bit, on threads and on engine processes.

use distob::prelude::*;
use ndarray::Zip;

/// Hubs for all tests of this file.
fn hubs() -> [&'static Hub; 2] {
    static HUBS: std::sync::OnceLock<[Hub; 2]> = std::sync::OnceLock::new();
    HUBS.get_or_init(|| {
        let embedded = Hub::builder().embedded().engines(2).start().unwrap();
        [embedded, Hub::builder().process().engines(2).start().unwrap()]
    })
    .each_ref()
}

/// Computed at once; as a program by one thread; as a job.
const LENGTHS: [usize; 3] = [1_000, 20_000, 70_001];

fn values(n: usize, seed: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| ((i * 7919 + seed * 104_729) % 10_007) as f64 / 1_000.3 - 4.9)
}

/// Whether all elements have the same bits; of NaN, whether both are.
#[track_caller]
fn same(what: &str, ours: &DistArray1<f64>, theirs: &Array1<f64>) {
    assert_eq!(ours.shape(), theirs.shape(), "{what}");
    let differs = ours.iter().zip(theirs).position(|(a, b)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()));
    if let Some(at) = differs {
        panic!("{what}: {:?} and {:?} at {at}", ours[at], theirs[at]);
    }
}

#[distob::test]
fn a_chain_of_hundreds_of_instructions_and_constants() {
    for hub in hubs() {
        for n in LENGTHS {
            let mut x = values(n, 0);
            let mut d = hub.scatter(&x).unwrap();
            for step in 0..700 {
                // Each constant is another one.
                let c = 1.0 + f64::from(step) / 997.0;
                (d, x) = match step % 7 {
                    0 => (d + c, x + c),
                    1 => (c - &d, c - x),
                    2 => (d * c, x * c),
                    3 => (d.abs().sqrt(), x.mapv(|v| v.abs().sqrt())),
                    4 => (d.clamp(-c, c), x.mapv(|v| v.clamp(-c, c))),
                    5 => (d.less(c - 1.0).choose(c, &d), x.mapv(|v| if v < c - 1.0 { c } else { v })),
                    _ => (&d / c - &d, &x / c - &x),
                };
            }
            same("chain", &d, &x);
        }
    }
}

#[distob::test]
fn hundreds_of_arrays_in_one_sum() {
    for hub in hubs() {
        for n in LENGTHS {
            let arrays: Vec<Array1<f64>> = (0..300).map(|seed| values(n, seed)).collect();
            let mine: Vec<DistArray1<f64>> = arrays.iter().map(|x| hub.scatter(x).unwrap()).collect();
            // One after the other.
            let left = mine[1..].iter().fold(mine[0].clone(), |sum, d| sum + d);
            let right = mine[1..].iter().fold(mine[0].clone(), |sum, d| d - sum);
            let expected = arrays[1..].iter().fold(arrays[0].clone(), |sum, x| sum + x);
            eval_all(&[&left, &right]).unwrap();
            same("left", &left, &expected);
            same("right", &right, &arrays[1..].iter().fold(arrays[0].clone(), |sum, x| x - sum));
            // As a tree, whose two halves are large at every step.
            let (mut mine, mut arrays) = (mine, arrays);
            while mine.len() > 1 {
                mine = mine.chunks(2).map(|c| if c.len() == 2 { &c[0] * 0.5 + &c[1] } else { c[0].clone() }).collect();
                arrays =
                    arrays.chunks(2).map(|c| if c.len() == 2 { &c[0] * 0.5 + &c[1] } else { c[0].clone() }).collect();
            }
            let total = mine[0].sum();
            same("tree", &mine[0], &arrays[0]);
            assert_eq!(total.to_bits(), mine[0].sum().to_bits(), "fused and not");
        }
    }
}

/// All of these begin at one element and differ in their strides alone.
#[distob::test]
fn hundreds_of_views_of_one_array() {
    const N: usize = 17_000;
    for hub in hubs() {
        let x = values(N + 800, 1).insert_axis(Axis(0)).broadcast((2, N + 800)).unwrap().to_owned();
        let flags = x.mapv(|v| v > 0.0);
        let (d, df) = (hub.scatter(&x).unwrap(), hub.scatter(&flags).unwrap());
        // Row `i` of the view begins `k` elements after row `i - 1`.
        let (flat, flat_flags) = (d.flatten(), df.flatten());
        let view =
            |k: usize| flat.slice_shared(s![..2 * (N / 2 + k)]).reshape((2, N / 2 + k)).slice_move(s![.., ..N / 2]);
        let flag = |k: usize| {
            flat_flags.slice_shared(s![..2 * (N / 2 + k)]).reshape((2, N / 2 + k)).slice_move(s![.., ..N / 2])
        };
        assert_eq!((view(3).as_ptr(), view(3).strides()), (d.as_ptr(), &[(N / 2 + 3) as isize, 1][..]));
        let mine: Vec<_> = (0..4)
            .map(|part| (1..96).fold(view(part * 100), |a, k| flag(part * 100 + k).choose(&view(part * 100 + k), &a)))
            .collect();
        eval_all(&[&mine[0], &mine[1], &mine[2], &mine[3]]).unwrap();
        for (part, d) in mine.iter().enumerate() {
            let expected = (1..96).fold(view(part * 100).gather(), |a, k| {
                let (flag, view) = (flag(part * 100 + k).gather(), view(part * 100 + k).gather());
                Zip::from(&flag).and(&view).and(&a).map_collect(|&f, &v, &a| if f { v } else { a })
            });
            assert_eq!(d, &expected, "part {part}");
        }
        let sum = (0..400).fold(view(0), |sum, k| sum + view(k));
        let expected = (0..400).fold(view(0).gather(), |sum, k| sum + view(k).gather());
        assert_eq!(sum, expected);
    }
}

#[distob::test]
fn many_constants_in_arrays_that_are_computed_together() {
    for hub in hubs() {
        for n in LENGTHS {
            let x = values(n, 2);
            let d = hub.scatter(&x).unwrap();
            let limits = |part: usize, step: usize| {
                let low = -5.0 + (part * 90 + step) as f64 / 1_000.0;
                (low, 5.0 - low / 100.0)
            };
            let mine: Vec<DistArray1<f64>> = (0..9)
                .map(|part| {
                    (0..90).fold(d.clone(), |d, step| {
                        let (low, high) = limits(part, step);
                        d.clamp(low, high)
                    })
                })
                .collect();
            let all: Vec<&dyn distob::array::Evaluate> = mine.iter().map(|d| d as _).collect();
            eval_all(&all).unwrap();
            for (part, d) in mine.iter().enumerate() {
                let expected = (0..90).fold(x.clone(), |x, step| {
                    let (low, high) = limits(part, step);
                    x.mapv(|v| v.clamp(low, high))
                });
                same("clamped", d, &expected);
            }
        }
    }
}

/// SplitMix64: the same numbers for the same seed, anywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Graphs whose parts are used again and again: written out, the last of them would have more terms than there is memory.
#[distob::test]
fn graphs_with_shared_parts() {
    for seed in 0..12 {
        let hub = hubs()[seed % 2];
        let n = LENGTHS[seed % 3];
        let mut random = Random(seed as u64);
        let mut theirs: Vec<Array1<f64>> = (0..1 + random.below(90)).map(|seed| values(n, seed)).collect();
        let mut ours: Vec<DistArray1<f64>> = theirs.iter().map(|x| hub.scatter(x).unwrap()).collect();
        for _ in 0..350 {
            // Mostly of what came last.
            let near = |random: &mut Random, len: usize| {
                let window = 1 + random.below(len);
                len - 1 - random.below(window)
            };
            let (i, j, k) = (near(&mut random, ours.len()), near(&mut random, ours.len()), random.below(ours.len()));
            let (a, b, c) = (&ours[i], &ours[j], &ours[k]);
            let (x, y, z) = (&theirs[i], &theirs[j], &theirs[k]);
            let number = random.below(1_000) as f64 / 300.0 - 1.5;
            let (d, e) = match random.below(11) {
                0 => (a + b, x + y),
                1 => (a - b, x - y),
                2 => (a * b * 0.125, x * y * 0.125),
                3 => (a * number + b, x * number + y),
                4 => (b - a * c, y - x * z),
                5 => (a / b, x / y),
                6 => (a.abs().sqrt() + number, x.mapv(|v| v.abs().sqrt() + number)),
                7 => {
                    let chosen = Zip::from(x).and(y).and(z).map_collect(|&x, &y, &z| if x < y { z } else { x });
                    (a.less(b).choose(c, a), chosen)
                }
                8 => (a.clamp(-9.0, 9.0) - number, x.mapv(|v| v.clamp(-9.0, 9.0) - number)),
                9 => (
                    a.astype::<f32>().astype::<f64>() * b,
                    Zip::from(x).and(y).map_collect(|&x, &y| f64::from(x as f32) * y),
                ),
                _ => (number / a, number / x),
            };
            ours.push(d);
            theirs.push(e);
            match random.below(60) {
                0 => drop(ours[k].eval().unwrap()),
                1 => drop(ours[k].sum()),
                _ => {}
            }
        }
        let last: Vec<usize> = (0..8).map(|_| ours.len() - 1 - random.below(20)).collect();
        let all: Vec<&dyn distob::array::Evaluate> = last.iter().map(|&at| &ours[at] as _).collect();
        eval_all(&all).unwrap();
        for (at, (d, x)) in ours.iter().zip(&theirs).enumerate().rev() {
            same(&format!("seed {seed}, step {at}"), d, x);
        }
    }
}

#[distob::test]
fn reductions_inside_of_large_expressions() {
    let hub = hubs()[1];
    let x = Array2::from_shape_fn((300, 200), |(i, j)| ((i * 31 + j * 17) % 64) as f64);
    let mut ours = hub.scatter(&x).unwrap();
    let mut theirs = x.clone();
    // Whole numbers, so that sums are exact in any order.
    for step in 0..60 {
        let (row, row_x) = (ours.sum_axis(Axis(0)), theirs.sum_axis(Axis(0)));
        let column = ours.max_axis(Axis(1)).unwrap().insert_axis(Axis(1));
        let column_x = theirs.map_axis(Axis(1), |v| v.fold(f64::NEG_INFINITY, |a, &b| a.max(b))).insert_axis(Axis(1));
        ours = (&ours + &row * f64::from(step % 3) - &column) % 64.0;
        theirs = (&theirs + &row_x * f64::from(step % 3) - &column_x) % 64.0;
    }
    assert_eq!(ours, theirs);
}
