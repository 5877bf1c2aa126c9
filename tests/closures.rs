//! Closures over one array and several: state that travels, engine processes that take part, panics, layouts.

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

#[distob::test]
fn what_captures_nothing_runs_in_engine_processes_too() {
    let hub = process();
    let x = Array1::from_shape_fn(LARGE, |i| i as f64 * 0.25);
    let a = hub.scatter(&x).unwrap();
    let slow = |x: f64| (0..20).fold(x, |x, _| (x * 1.000_1 + 0.5).sqrt());
    assert_eq!(until_shared(&hub, || a.mapv(|x| (0..20).fold(x, |x, _| (x * 1.000_1 + 0.5).sqrt()))), x.mapv(slow));
    let state = (2.0, vec![1.0, 10.0, 100.0]);
    let f = |(factor, table): &(f64, Vec<f64>), x: f64| (0..20).fold(x, |x, i| (x * factor + table[i % 3]).sqrt());
    assert_eq!(until_shared(&hub, || a.map_with(&state, f)), x.mapv(|x| f(&state, x)));
    let b = hub.scatter(&x.slice(s![..;-1])).unwrap();
    let zipped = until_shared(&hub, || (&a, &b, &a).zip_with(|x, y, z| (0..20).fold(x * y, |s, _| (s + z).sqrt())));
    let want = (&x, &x.slice(s![..;-1]), &x).zip_with(|x, y, z| (0..20).fold(x * y, |s, _| (s + z).sqrt()));
    assert_eq!(zipped, want);
    // What captures something stays here.
    let before = elsewhere(&hub);
    let shift = x[7];
    for _ in 0..20 {
        assert_eq!(a.mapv(|x| x + shift)[3], x[3] + shift);
    }
    assert_eq!(elsewhere(&hub), before);
    // So does what comes with much state.
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
    let want = x.mapv(|x| (0..50).fold(x, |x, _| (x + 1.0).sqrt()));
    for _ in 0..5 {
        if let Some(pid) = hub.activity().iter().find_map(|a| a.pid) {
            // Only processes that this hub has started.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
        }
        assert_eq!(a.mapv(|x| (0..50).fold(x, |x, _| (x + 1.0).sqrt())), want);
    }
}
