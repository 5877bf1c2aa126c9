//! Closures over one array and several: where they run and what they see there, state that travels, panics, layouts.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use distob::prelude::*;
use distob::{Error, Hub};
use ndarray::s;

const LARGE: usize = 400_000;

fn process() -> Hub {
    Hub::builder().process().engines(2).start().unwrap()
}

/// Chunks that engine processes have computed.
fn elsewhere(hub: &Hub) -> u64 {
    hub.activity().iter().filter(|a| a.pid.is_some()).map(|a| a.counters.chunks).sum()
}

/// Runs `f` until an engine process has taken part: the hub's own thread may be quicker than a wake-up.
fn until_shared<R>(hub: &Hub, mut f: impl FnMut() -> R) -> R {
    let before = elsewhere(hub);
    for _ in 0..200 {
        let result = f();
        if elsewhere(hub) > before {
            return result;
        }
    }
    panic!("no engine process took part in 200 runs");
}

/// What a program sets before it works: in an engine process, which has not run that, it is 0.
static SCALE: AtomicI64 = AtomicI64::new(0);

fn scale() -> f64 {
    SCALE.load(Relaxed) as f64
}

#[distob::test]
fn closures_see_the_statics_of_the_program_that_made_them() {
    SCALE.store(3, Relaxed);
    let hub = process();
    let _entered = hub.enter();
    let a = DistArray::from_shape_fn(8_000_000, |i| i as f64 * scale());
    let want = Array1::from_shape_fn(8_000_000, |i| i as f64 * 3.0);
    assert_eq!(a, want);
    // Numbers below 2^53: every product and sum is exact.
    assert_eq!(a.mapv(|x| x * scale()), &want * 3.0);
    let want = want.slice(s![..LARGE]);
    let a = hub.scatter(&want).unwrap();
    assert_eq!(a.map(|x| x + scale()), &want + 3.0);
    assert_eq!(a.try_mapv(|x| (x - scale()) as i64).unwrap(), want.mapv(|x| x as i64 - 3));
    // Arrays that share no elements: copies before a write are made by engines too.
    assert_eq!(hub.scatter(&want).unwrap().mapv_into(|x| x - scale()), &want - 3.0);
    let mut b = hub.scatter(&want).unwrap();
    b.mapv_inplace(|x| x * scale());
    b.map_inplace(|x| *x += scale());
    assert_eq!(b, &want * 3.0 + 3.0);
    assert_eq!(a.zip_with(&b, |x, y| y - scale() * x), Array1::from_elem(LARGE, 3.0));
    assert_eq!((&a, &b).zip_with(|x, y| y - x * scale()), Array1::from_elem(LARGE, 3.0));
    let three = (&a, &b, 1.0).zip_with(|x, y, z| y - x * scale() + z);
    let four = (&a, &a, &b, 1.0).zip_with(|x, _, y, z| y - x * scale() + z);
    let five = (&a, &a, &a, &b, 1.0).zip_with(|x, _, _, y, z| y - x * scale() + z);
    let six = (&a, &a, &a, &a, &b, 1.0).zip_with(|x, _, _, _, y, z| y - x * scale() + z);
    [three, four, five, six].iter().for_each(|zipped| assert_eq!(*zipped, Array1::from_elem(LARGE, 4.0)));
    assert_eq!(elsewhere(&hub), 0, "an engine process has run a closure");
}

#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C)]
struct Scaled(f64);

impl std::ops::Mul for Scaled {
    type Output = Scaled;

    fn mul(self, other: Scaled) -> Scaled {
        Scaled(self.0 * other.0 * scale())
    }
}

impl std::ops::Neg for Scaled {
    type Output = Scaled;

    fn neg(self) -> Scaled {
        Scaled(-self.0 * scale())
    }
}

#[distob::test]
fn operators_of_a_programs_own_elements_see_its_statics_too() {
    SCALE.store(3, Relaxed);
    let hub = process();
    let x = Array1::from_shape_fn(LARGE, |i| Scaled(i as f64));
    let a = hub.scatter(&x).unwrap();
    assert_eq!(&a * &a, x.mapv(|x| Scaled(x.0 * x.0 * 3.0)));
    assert_eq!(-&a, x.mapv(|x| Scaled(-x.0 * 3.0)));
    assert_eq!(elsewhere(&hub), 0);
}

#[distob::test]
fn what_runs_in_engines_has_the_state_that_it_is_given_and_no_statics() {
    SCALE.store(3, Relaxed);
    let hub = process();
    let a = hub.scatter(&Array1::from_shape_fn(LARGE, |i| i as f64)).unwrap();
    // Slow enough that an engine takes part. Its chunks have the scale that it was born with, the others that of this program.
    let seen = until_shared(&hub, || {
        a.map_with(&7.0, |shift, x| shift + scale() + (0..20).fold(x, |x, _| (x * 0.0 + 0.5).sqrt()) * 0.0)
    });
    assert!(seen.iter().all(|x| [7.0, 10.0].contains(x)));
    assert!(seen.iter().any(|&x| x == 7.0), "no chunk is one of an engine's");
    let there = hub.submit(|(): ()| scale(), ()).unwrap().wait().unwrap();
    assert_eq!((scale(), there), (3.0, 0.0));
}

#[distob::test]
fn a_function_and_its_state_run_in_engine_processes_too() {
    let hub = process();
    let x = Array1::from_shape_fn(LARGE, |i| i as f64 * 0.25);
    let a = hub.scatter(&x).unwrap();
    let state = (2.0, vec![1.0, 10.0, 100.0]);
    let f = |(factor, table): &(f64, Vec<f64>), x: f64| (0..20).fold(x, |x, i| (x * factor + table[i % 3]).sqrt());
    assert_eq!(until_shared(&hub, || a.map_with(&state, f)), x.mapv(|x| f(&state, x)));
    // A view with gaps and steps backwards, and a function by its name.
    fn rooted(root: &u32, x: f64) -> f32 {
        (0..*root).fold(x, |x, _| x.sqrt()) as f32
    }
    let every_other = s![..;-2];
    let mut b = a.clone();
    b.slice_collapse(every_other);
    assert_eq!(until_shared(&hub, || b.map_with(&20, rooted)), x.slice(every_other).mapv(|x| rooted(&20, x)));
    let (rows, part) = ((LARGE / 500, 500), s![1.., ..;-3]);
    let mut c = a.reshape(rows).permuted_axes([1, 0]);
    c.slice_collapse(part);
    let turned = x.to_shape(rows).unwrap().permuted_axes([1, 0]);
    assert_eq!(until_shared(&hub, || c.map_with(&20, rooted)), turned.slice(part).mapv(|x| rooted(&20, x)));
    // What comes with much state stays here.
    let before = elsewhere(&hub);
    let large: Vec<f64> = (0..10_000).map(f64::from).collect();
    let looked_up = a.map_with(&large, |large, x: f64| large[x as usize % large.len()]);
    assert_eq!(looked_up[LARGE - 1], large[(x[LARGE - 1] as usize) % large.len()]);
    assert_eq!(elsewhere(&hub), before);
}

#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C)]
struct Particle {
    place: [f32; 3],
    mass: f32,
}

#[distob::test]
fn elements_of_a_programs_own_travel_as_they_are() {
    let hub = process();
    let x = Array2::from_shape_fn((700, 300), |(i, j)| Particle { place: [i as f32, j as f32, 0.0], mass: 1.0 });
    let a = hub.scatter(&x).unwrap();
    let pulled = until_shared(&hub, || {
        a.map_with(&0.5f32, |pull, p: Particle| Particle { place: p.place.map(|x| (x * pull).sin()), ..p })
    });
    assert_eq!(pulled, x.mapv(|p| Particle { place: p.place.map(|x| (x * 0.5).sin()), ..p }));
    let masses = (&a.t(), &pulled.t()).zip_with(|p: Particle, q: Particle| p.mass + q.place[0]);
    assert_eq!(masses.shape(), [300, 700]);
    assert_eq!(masses[[3, 2]], 1.0 + 1f32.sin());
}

#[distob::test]
fn a_panic_in_a_closure_is_an_error_with_its_text() {
    for hub in [process(), Hub::builder().embedded().engines(2).start().unwrap()] {
        let a = hub.scatter(&Array1::from_iter(0..LARGE as i64)).unwrap();
        let error = a.try_map_with(&399_999i64, |limit, x| if x == *limit { panic!("{x} is the limit") } else { x });
        assert!(matches!(error, Err(Error::Panicked { message, .. }) if message.contains("399999 is the limit")));
        let error = (&a, &a, 1i64).try_zip_with(|x, y, z| if x == 5 { panic!("five") } else { x + y + z });
        assert!(matches!(error, Err(Error::Panicked { message, .. }) if message.contains("five")));
        assert_eq!(a.mapv(|x| x + 1).max(), Some(LARGE as i64), "the hub goes on");
    }
}

#[distob::test]
fn several_arrays_of_any_types_layouts_and_shapes() {
    let rows = Array2::from_shape_fn((40, 30), |(i, j)| (i * 100 + j) as f64);
    let a = DistArray::from(&rows);
    let turned = a.view().t().to_owned();
    let b = DistArray::from(&turned);
    let bools = Array1::from_shape_fn(30, |j| j % 3 == 0);
    let whole = Array2::from_shape_fn((40, 1), |(i, _)| i as u8);
    let two = (&a, &bools).zip_with(|x, keep| if keep { x } else { -x });
    let three = (&a, &bools, &whole).zip_with(|x, keep, n| if keep { x as i64 } else { i64::from(n) });
    let four = (&a, &b.t(), &bools, 2.5).zip_with(|x, y, keep, z| x + y + z + f64::from(u8::from(keep)));
    let five = (&a, a.slice(s![..;-1, ..]), &whole, 1u16, &bools)
        .zip_with(|a, b, c, d, e| a - b + f64::from(c) + f64::from(d) + f64::from(u8::from(e)));
    let six = (&a, &a, &a, &a, &a, &whole).zip_with(|a, b, c, d, e, f| a + b + c + d + e + f64::from(f));
    for ((i, j), &x) in rows.indexed_iter() {
        let (keep, n) = (bools[j], i as u8);
        assert_eq!(two[[i, j]], if keep { x } else { -x });
        assert_eq!(three[[i, j]], if keep { x as i64 } else { i64::from(n) });
        assert_eq!(four[[i, j]], 2.0 * x + 2.5 + f64::from(u8::from(keep)));
        assert_eq!(five[[i, j]], x - rows[[39 - i, j]] + f64::from(n) + 1.0 + f64::from(u8::from(keep)));
        assert_eq!(six[[i, j]], 5.0 * x + f64::from(n));
    }
    assert_eq!((1.0, 2.0).zip_with(|x: f64, y: f64| x + y)[()], 3.0);
    assert_eq!((&Array1::<f64>::zeros(0), &whole).zip_with(|x, _| x).shape(), [40, 0]);
    let error = (&a, &Array1::<f64>::zeros(7), 1.0).try_zip_with(|x, y, _| x + y);
    assert!(matches!(error, Err(Error::Shape { left, right, .. }) if left == [40, 30] && right == [7]));
    let other = Hub::builder().embedded().engines(1).start().unwrap().scatter(&rows).unwrap();
    assert!(matches!((&a, 1.0, &other).try_zip_with(|x, _, y| x + y), Err(Error::ForeignHub { .. })));
}

#[distob::test]
fn a_killed_engine_costs_nothing_but_time() {
    let hub = process();
    let x = Array1::from_shape_fn(LARGE, |i| i as f64);
    let a = hub.scatter(&x).unwrap();
    let f = |&step: &f64, x: f64| (0..50).fold(x, |x, _| (x + step).sqrt());
    let want = x.mapv(|x| f(&1.0, x));
    for _ in 0..5 {
        if let Some(pid) = hub.activity().iter().find_map(|a| a.pid) {
            // Only processes that this hub has started.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
        }
        assert_eq!(a.map_with(&1.0, f), want);
    }
}
