//! Arrays of several blocks: what is computed of them has the bits that one contiguous array gives, on threads and in engine processes, also
//! while those are killed; they stay in blocks until somebody looks at the whole, and become one then, once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use distob::prelude::*;
use distob::ufunc::{Add, Hypot, Maximum, Subtract};
use distob::{Element, Error, Hub, eval_all};
use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn, Slice};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

type Array = DistArray<f64, IxDyn>;

fn embedded() -> Hub {
    Hub::builder().embedded().engines(2).start().unwrap()
}

fn processes() -> Hub {
    Hub::builder().process().engines(2).start().unwrap()
}

/// Numbers of all sizes, and of no order.
fn numbers(shape: &[usize]) -> ArrayD<f64> {
    let mut state = 11u64;
    ArrayD::from_shape_fn(IxDyn(shape), |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 * 4.0 - 1.0
    })
}

/// A copy of a view as an array of the hub: in row-major or column-major order, with gaps, backwards, copied or moved in.
fn block<A: Element + Default + PartialEq>(hub: &Hub, view: &ArrayViewD<'_, A>, way: usize) -> DistArray<A, IxDyn> {
    let array = match way % 5 {
        0 => return hub.scatter(&view.to_owned()).unwrap(),
        1 => view.t().as_standard_layout().into_owned().reversed_axes(),
        2 => {
            let wide: Vec<usize> = view.shape().iter().map(|length| 2 * length + 1).collect();
            let mut wide = ArrayD::from_elem(IxDyn(&wide), A::default());
            wide.slice_each_axis_inplace(|_| Slice::new(1, None, 2));
            wide.assign(view);
            wide
        }
        3 => {
            let mut back = view.to_owned();
            (0..back.ndim()).for_each(|axis| back.invert_axis(Axis(axis)));
            let mut back = back.as_standard_layout().into_owned();
            (0..back.ndim()).for_each(|axis| back.invert_axis(Axis(axis)));
            back
        }
        _ => view.to_owned(),
    };
    assert!(array == view);
    hub.scatter(array).unwrap()
}

/// The places of a grid, in row-major order, as ranges along each axis.
fn ranges(edges: &[Vec<usize>]) -> Vec<Vec<std::ops::Range<usize>>> {
    edges.iter().fold(vec![vec![]], |places, edges| {
        let along = |place: &Vec<std::ops::Range<usize>>| {
            let longer = |pair: &[usize]| place.iter().cloned().chain(std::iter::once(pair[0]..pair[1])).collect();
            edges.windows(2).map(longer).collect::<Vec<Vec<_>>>()
        };
        places.iter().flat_map(along).collect()
    })
}

/// An array cut at edges, in blocks of all layouts.
fn in_blocks<A: Element + Default + PartialEq>(
    hub: &Hub,
    whole: &ArrayD<A>,
    edges: &[Vec<usize>],
) -> DistArray<A, IxDyn> {
    let places = ranges(edges);
    let blocks = places.iter().enumerate().map(|(nth, place)| {
        let view = whole.slice_each_axis(|axis| Slice::from(place[axis.axis.index()].clone()));
        block(hub, &view, nth)
    });
    let grid: Vec<usize> = edges.iter().map(|edges| edges.len() - 1).collect();
    DistArray::from_blocks(&grid, blocks.collect()).unwrap()
}

/// Shapes and where they are cut.
fn cases() -> Vec<Vec<Vec<usize>>> {
    vec![
        vec![vec![0, 2, 3, 3, 7]],
        vec![vec![0, 150_001, 150_001, 420_000, 500_003]],
        vec![vec![0, 3, 4], vec![0, 1, 1, 5]],
        vec![vec![0, 211, 600, 700], vec![0, 900]],
        vec![vec![0, 700], vec![0, 13, 500, 900]],
        vec![vec![0, 211, 600, 700], vec![0, 13, 13, 500, 900]],
        vec![vec![0, 1, 3], vec![0, 40_000, 100_000]],
        vec![vec![0, 40_000, 100_000], vec![0, 1, 3]],
        vec![vec![0, 11, 30], vec![0, 41], vec![0, 100, 500]],
        vec![vec![0, 30], vec![0, 20, 41], vec![0, 500]],
    ]
}

fn shape_of(edges: &[Vec<usize>]) -> Vec<usize> {
    edges.iter().map(|edges| edges[edges.len() - 1]).collect()
}

fn bits(array: &Array) -> Vec<u64> {
    array.gather().iter().map(|x| x.to_bits()).collect()
}

/// What is computed of an array, with others of its shape, of its last axis alone, and of its first; each result under its name.
fn computed(a: &Array, other: &Array, row: &Array, column: &Array) -> Vec<(String, Vec<u64>)> {
    let mut all: Vec<(String, Vec<u64>)> = Vec::new();
    let mut map = |name: &str, array: Array| all.push((name.to_owned(), bits(&array)));
    map("a product and a sum", a * 2.0 + 1.0);
    map("sines", a.sin());
    map("with another array", a - other);
    map("another array first", other / a);
    map("with a row", a * row);
    map("with a column", column - a);
    map("twice", a * a + a);
    map("compared and chosen", a.less(0.5).choose(a, other));
    map("as another type and back", a.astype::<f32>().astype::<f64>());
    map("a function of two", Hypot.call(a, other));
    for axis in (0..a.ndim()).map(Axis) {
        map(&format!("sums along {axis:?}"), a.sum_axis(axis));
        map(&format!("sums of squares along {axis:?}"), (a * a).sum_axis(axis));
        map(&format!("means along {axis:?}"), a.mean_axis(axis).unwrap());
        map(&format!("variances along {axis:?}"), a.var_axis(axis, 1.0));
        map(&format!("greatest along {axis:?}"), a.max_axis(axis).unwrap());
        map(&format!("places along {axis:?}"), a.argmin_axis(axis).unwrap().astype());
        map(&format!("running sums along {axis:?}"), a.cumsum(axis));
        map(&format!("running extremes along {axis:?}"), Maximum.accumulate_axis(a, axis));
        map(&format!("running differences along {axis:?}"), Subtract.accumulate_axis(a, axis));
        let places = a.shape()[axis.index()];
        let sorted: Vec<usize> = (0..places).step_by(places / 7 + 1).collect();
        let scattered: Vec<usize> = (0..50).map(|nth| nth * 7919 % places).collect();
        map(&format!("segments along {axis:?}"), Add.reduceat(a, sorted).axis(axis.index() as isize).run().unwrap());
        map(&format!("any segments {axis:?}"), Add.reduceat(a, scattered).axis(axis.index() as isize).run().unwrap());
        map(&format!("lengths along {axis:?}"), Hypot.reduce(a).axis(axis.index() as isize).run().unwrap());
        map(&format!("less its means along {axis:?}"), a - &a.mean_axis(axis).unwrap().insert_axis(axis));
    }
    map("sums along the first and the last axis", {
        let mut axes = vec![Axis(0)];
        axes.extend((a.ndim() > 1).then(|| Axis(a.ndim() - 1)));
        a.sum_axes(&axes)
    });
    let (mean, deviation) = (a.mean_axis(Axis(0)).unwrap(), a.std_axis(Axis(0), 0.0));
    eval_all(&[&mean, &deviation]).unwrap();
    map("means with deviations", mean / deviation);
    let scalars =
        [a.sum(), a.mean().unwrap(), a.var(1.0), a.std(0.0), a.min().unwrap(), a.max().unwrap(), (a + 1.0).sum()];
    all.push(("whole".to_owned(), scalars.iter().map(|x| x.to_bits()).collect()));
    let index = a.argmin().unwrap();
    all.push(("the least one's place".to_owned(), index.slice().iter().map(|&at| at as u64).collect()));
    all.push(("how many".to_owned(), vec![a.greater(0.25).count() as u64]));
    all
}

fn same_bits(hub: &Hub) {
    for edges in cases() {
        let shape = shape_of(&edges);
        let values = numbers(&shape);
        let plain = hub.scatter(&values).unwrap();
        let other =
            hub.scatter(numbers(&shape).mapv(|x| x + 0.5).t().as_standard_layout().into_owned().reversed_axes());
        let other = other.unwrap();
        let row = hub.scatter(numbers(&shape[shape.len() - 1..])).unwrap();
        let mut ones = vec![1; shape.len()];
        ones[0] = shape[0];
        let column = hub.scatter(numbers(&ones)).unwrap();
        let wanted = computed(&plain, &other, &row, &column);
        let blocks = in_blocks(hub, &values, &edges);
        assert_eq!((blocks.shape(), blocks.ndim(), blocks.len()), (&shape[..], shape.len(), values.len()));
        for ((name, wanted), (_, there)) in wanted.iter().zip(computed(&blocks, &other, &row, &column)) {
            assert!(*wanted == there, "{name} of {edges:?}: other bits in blocks");
        }
        // Several operands in blocks, among them one that is broadcast.
        let cut_row = in_blocks(hub, &row.gather(), &edges[edges.len() - 1..]);
        let last: Vec<Vec<usize>> =
            edges.iter().enumerate().map(|(axis, edges)| if axis == 0 { edges.clone() } else { vec![0, 1] }).collect();
        let cut_column = in_blocks(hub, &column.gather(), &last);
        let sum = |a: &Array, row: &Array, column: &Array| bits(&(&(a * row) + column));
        let wanted = sum(&plain, &row, &column);
        assert!(sum(&blocks, &cut_row, &cut_column) == wanted, "{edges:?}: all in blocks");
        assert!(sum(&plain, &cut_row, &cut_column) == wanted, "{edges:?}: what is broadcast in blocks");
        assert!(blocks.is_pending(), "{edges:?}: made one");
        assert_eq!(blocks, values);
        assert!(!blocks.is_pending() && blocks.is_standard_layout());
    }
}

#[distob::test]
fn operations_have_the_bits_of_one_array_on_threads() {
    same_bits(&embedded());
}

#[distob::test]
fn operations_have_the_bits_of_one_array_in_engine_processes() {
    same_bits(&processes());
}

#[distob::test]
fn other_element_types() {
    let hub = embedded();
    let edges = [vec![0, 100, 300], vec![0, 7, 200]];
    let single = numbers(&[300, 200]).mapv(|x| x as f32);
    let blocks = in_blocks(&hub, &single, &edges);
    let plain = hub.scatter(&single).unwrap();
    assert_eq!((&blocks * 3.0).gather(), (&plain * 3.0).gather());
    assert_eq!(blocks.sum().to_bits(), plain.sum().to_bits());
    assert_eq!(blocks.cumsum(Axis(0)).gather(), plain.cumsum(Axis(0)).gather());
    let whole = single.mapv(|x| (x * 1000.0) as i32);
    let blocks = in_blocks(&hub, &whole, &edges);
    let plain = hub.scatter(&whole).unwrap();
    assert_eq!(blocks.sum_axis(Axis(1)).gather(), whole.sum_axis(Axis(1)));
    assert_eq!(Add.accumulate(&blocks).axis(1).run().unwrap().gather(), plain.cumsum(Axis(1)).gather());
    assert_eq!(Add.reduceat(&blocks, [0, 10, 5]).run().unwrap(), Add.reduceat(&plain, [0, 10, 5]).run().unwrap());
    // Where an integer is divided by zero is told as of one array.
    let fault = |a: &DistArray<i32, IxDyn>| (1 / a).eval().map(drop).unwrap_err().to_string();
    let mut holed = whole.clone();
    holed[[170, 3]] = 0;
    assert_eq!(fault(&in_blocks(&hub, &holed, &edges)), fault(&hub.scatter(&holed).unwrap()));
    // Elements without universal functions.
    let pairs = Array2::from_shape_fn((3, 4), |(i, j)| [i as f64, j as f64]);
    let halves = [s![..1, ..], s![1.., ..]].map(|half| hub.scatter(&pairs.slice(half)).unwrap());
    assert_eq!(DistArray::from_blocks(&[2, 1], halves.to_vec()).unwrap(), pairs);
}

#[distob::test]
fn concatenate_is_what_it_is() {
    let hub = embedded();
    let (x, y) = (numbers(&[40, 30]), numbers(&[25, 30]));
    let stacked = ndarray::concatenate(Axis(0), &[x.view(), y.view()]).unwrap();
    let blocks = |hub: &Hub| vec![hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap()];
    let a = DistArray::from_blocks(&[2, 1], blocks(&hub)).unwrap();
    assert_eq!(a.partition().edges(0), [0, 40, 65]);
    assert_eq!((a.partition().blocks_per_axis(), a.placement()), (vec![2, 1], vec![0, 1]));
    assert_eq!((&a + 1.0).gather(), &stacked + 1.0);
    assert_eq!(a.gather(), stacked);
    assert_eq!(a.partition().edges(0), [0, 40, 65], "also when it is one");
    // Pending blocks are computed together, blocks in blocks are made one.
    let pending: Vec<Array> = blocks(&hub).iter().map(|block| block.sin() * 2.0).collect();
    let b = DistArray::from_blocks(&[2, 1], pending).unwrap();
    let c = DistArray::from_blocks(&[1, 2], vec![b.clone(), b]).unwrap();
    let wanted = stacked.mapv(f64::sin) * 2.0;
    assert!(
        (c.gather() - ndarray::concatenate(Axis(1), &[wanted.view(), wanted.view()]).unwrap())
            .iter()
            .all(|x| x.abs() < 1e-14)
    );
    // One block is itself.
    let one = hub.scatter(x.clone()).unwrap();
    let place = one.as_ptr();
    let one = DistArray::from_blocks(&[1, 1], vec![one]).unwrap();
    assert_eq!((one.as_ptr(), one.is_pending()), (place, false));
    let nothing = DistArray::from_blocks(&[2], vec![DistArray::<f64, _>::zeros(0), DistArray::zeros(0)]).unwrap();
    assert_eq!((nothing.len(), nothing.sum(), (&nothing + 1.0).len()), (0, 0.0, 0));
    assert!(nothing.is_empty());
}

#[distob::test]
fn writes_do_not_reach_the_blocks_of_others() {
    let hub = embedded();
    let (x, y) = (numbers(&[40, 30]), numbers(&[25, 30]));
    let parts = [hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap()];
    let stacked = ndarray::concatenate(Axis(0), &[x.view(), y.view()]).unwrap();
    let mut a = DistArray::from_blocks(&[2, 1], parts.to_vec()).unwrap();
    let [mut first, second] = parts;
    first[[0, 0]] = 100.0;
    a[[1, 1]] = -100.0;
    assert_eq!((second.gather(), a[[0, 0]]), (y, x[[0, 0]]));
    let mut wanted = stacked.clone();
    wanted[[1, 1]] = -100.0;
    assert_eq!(a, wanted);
    let mut b = DistArray::from_blocks(&[2, 1], vec![first.clone(), second.clone()]).unwrap();
    b += 1.0;
    assert_eq!(b[[0, 0]], 101.0);
    let mut target = hub.scatter(&stacked).unwrap();
    let c = DistArray::from_blocks(&[2, 1], vec![first, second]).unwrap();
    target.assign(&c);
    assert_eq!((target[[0, 0]], target[[64, 29]]), (100.0, stacked[[64, 29]]));
    assert!(c.is_pending());
    let mut turned = hub.scatter(Array2::<f64>::zeros((30, 65)).reversed_axes()).unwrap();
    turned.assign(&c);
    assert_eq!(turned.view().into_dyn(), target.view());
    assert!(format!("{c:?}").contains("100.0"));
}

#[distob::test]
fn blocks_and_what_is_computed_of_them_take_one_pass() {
    let hub = embedded();
    let edges = [vec![0, 100, 300], vec![0, 7, 200]];
    let values = numbers(&[300, 200]);
    let a = in_blocks(&hub, &values, &edges);
    let doubled = &a * 2.0;
    eval_all(&[&a, &doubled]).unwrap();
    assert!(!a.is_pending() && !doubled.is_pending());
    assert_eq!((a.gather(), doubled.gather()), (values.clone(), &values * 2.0));
    // More arrays than one program reads.
    let many: Vec<Array> = (0..20).map(|_| in_blocks(&hub, &values, &edges)).collect();
    let sum = many.iter().fold(hub.scatter(ArrayD::<f64>::zeros(IxDyn(&[300, 200]))).unwrap(), |sum, a| sum + a);
    let wanted = (0..20).fold(ArrayD::<f64>::zeros(IxDyn(&[300, 200])), |sum, _| sum + &values);
    assert_eq!(sum, wanted);
    assert!(many.iter().all(Array::is_pending));
}

#[distob::test]
fn threads_may_compute_with_blocks_while_they_become_one() {
    let hub = embedded();
    let edges = [vec![0, 100, 300], vec![0, 7, 200]];
    let values = numbers(&[300, 200]);
    let wanted = hub.scatter(&values).unwrap().sum();
    for _ in 0..50 {
        let a = in_blocks(&hub, &values, &edges);
        std::thread::scope(|scope| {
            let sum = scope.spawn(|| (a.sum(), (&a + 0.0).sum()));
            let place = scope.spawn(|| a.as_ptr() as usize);
            assert_eq!(a.clone().as_ptr() as usize, place.join().unwrap());
            let (sum, of_copy) = sum.join().unwrap();
            assert_eq!((sum.to_bits(), of_copy.to_bits()), (wanted.to_bits(), wanted.to_bits()));
        });
    }
}

/// Bytes of the array that the tests of memory are about.
const BYTES: u64 = 16 << 20;
const HALF: usize = BYTES as usize / 16;

fn halves(hub: &Hub) -> Vec<DistArray1<f64>> {
    let half = |nth: usize| Array1::from_shape_fn(HALF, |i| (i * 7 + nth) as f64);
    (0..2).map(|nth| hub.scatter(&half(nth)).unwrap()).collect()
}

#[distob::test]
fn what_looks_at_the_whole_makes_it_one_once() {
    let hub = embedded();
    let a = DistArray::from_blocks(&[2], halves(&hub)).unwrap();
    let (sum, before) = (a.view().sum(), hub.memory().in_use);
    let b = DistArray::from_blocks(&[2], halves(&hub)).unwrap();
    let both = hub.memory().in_use;
    assert!(both - before >= BYTES && both - before < BYTES + BYTES / 2, "{both} after {before}");
    let c = b.clone();
    hub.reset_peak();
    assert!((b.sum() - sum).abs() <= sum * 1e-12);
    assert!(c.max() == Some((HALF - 1) as f64 * 7.0 + 1.0) && b.greater(1e9).count() == 0);
    let cost = hub.memory().peak_in_use.saturating_sub(both);
    assert!(cost < BYTES / 4, "{cost} bytes for reductions of an array of {BYTES}");
    assert!(b.is_pending() && c.is_pending());
    let place = b.as_ptr();
    assert!(!c.is_pending());
    assert_eq!(c.as_ptr(), place);
    let one = hub.memory().in_use;
    assert!(one <= both + (1 << 20), "the blocks are kept: {one} bytes in use, {both} before");
    drop((b, c));
    assert!(hub.memory().in_use <= before);
}

#[distob::test]
fn without_room_for_one_array_the_blocks_stay() {
    let hub = Hub::builder().embedded().engines(2).quota(BYTES + BYTES / 2).start().unwrap();
    let a = DistArray::from_blocks(&[2], halves(&hub)).unwrap();
    assert!(matches!(a.eval(), Err(Error::OutOfMemory { .. })));
    let panic = catch_unwind(AssertUnwindSafe(|| a[0])).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("quota"), "{text}");
    assert!(a.is_pending() && a.sum() > 0.0);
    assert!(matches!(a.try_gather(), Err(Error::OutOfMemory { .. })));
    assert_eq!(a.min(), Some(0.0));
}

#[distob::test]
fn what_is_no_grid_is_an_error() {
    let hub = embedded();
    let zeros = |shape: &[usize]| hub.scatter(ArrayD::<f64>::zeros(IxDyn(shape))).unwrap();
    let of = |grid: &[usize], shapes: &[&[usize]]| {
        let blocks = shapes.iter().map(|shape| zeros(shape)).collect();
        DistArray::from_blocks(grid, blocks).map(drop).unwrap_err().to_string()
    };
    type Wrong<'a> = (&'a [usize], &'a [&'a [usize]], &'a [&'a str]);
    let wrong: [Wrong<'_>; 8] = [
        (&[2, 2], &[], &["no blocks", "[2, 2]"]),
        (&[2, 2], &[&[1, 1], &[1, 1], &[1, 1]], &["3 blocks", "[2, 2]", "4"]),
        (&[0, 2], &[&[1, 1]], &["1 blocks", "[0, 2]", "0"]),
        (&[usize::MAX, 2], &[&[1, 1]], &["1 blocks", "more than can be"]),
        (&[2], &[&[1, 1], &[1, 1]], &["[0]", "2 axes", "[2]", "1"]),
        (&[1, 2], &[&[1, 1], &[1]], &["[0, 1]", "1 axes", "[1, 2]", "2"]),
        (&[2, 2], &[&[1, 3], &[1, 4], &[2, 3], &[2, 5]], &["[1, 1]", "[2, 5]", "[2, 4]"]),
        (&[2, 1], &[&[1, 3], &[1, 4]], &["[1, 0]", "[1, 4]", "[1, 3]"]),
    ];
    for (grid, shapes, parts) in wrong {
        let text = of(grid, shapes);
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    let far = hub.scatter(ArrayD::<f64>::zeros(IxDyn(&[0, isize::MAX as usize / 64]))).unwrap();
    let error = DistArray::from_blocks(&[1, 20], vec![far; 20]).map(drop).unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
    let other = Hub::builder().embedded().engines(1).start().unwrap();
    let mixed = vec![zeros(&[1]), other.scatter(ArrayD::<f64>::zeros(IxDyn(&[1]))).unwrap()];
    match DistArray::from_blocks(&[2], mixed).map(drop) {
        Err(Error::ForeignHub { left, right }) => assert_eq!((left, right), (hub.id(), other.id())),
        other => panic!("{other:?}"),
    }
    // A block that cannot be computed.
    let ones = hub.scatter(Array1::<i32>::ones(100_000)).unwrap();
    let error = DistArray::from_blocks(&[2], vec![ones.clone(), &ones / 0]).map(drop).unwrap_err();
    assert!(matches!(error, Error::Arithmetic { .. }), "{error}");
}

#[distob::test]
fn explanations_tell_of_blocks() {
    let hub = embedded();
    let a = DistArray::from_blocks(&[2], halves(&hub)).unwrap();
    let plan = (&a * 2.0 + 1.0).explain();
    assert_eq!((plan.passes().len(), plan.passes()[0].instructions()), (1, 2));
    assert!(plan.to_string().contains("in 2 blocks"), "{plan}");
    assert_eq!(a.explain().passes()[0].instructions(), 0);
}

/// Chunks that engine processes have computed.
fn elsewhere(hub: &Hub) -> u64 {
    let engines = hub.activity().into_iter().filter(|activity| activity.name.starts_with("engine"));
    engines.map(|activity| activity.counters.chunks).sum()
}

type Case = (&'static str, fn(&DistArray2<f64>) -> Vec<u64>);

fn words<D: Dimension>(array: &DistArray<f64, D>) -> Vec<u64> {
    array.iter().map(|x| x.to_bits()).collect()
}

const CASES: [Case; 6] = [
    ("a map", |a| words(&(a * 2.0 + a.sin()))),
    ("a sum", |a| vec![a.sum().to_bits()]),
    ("sums along rows", |a| words(&a.sum_axis(Axis(1)))),
    ("variances along columns", |a| words(&a.var_axis(Axis(0), 0.0))),
    ("segments", |a| {
        let starts: Vec<usize> = (0..200).map(|nth| nth * 7919 % 900).collect();
        words(&Add.reduceat(a, starts).run().unwrap())
    }),
    ("running sums", |a| [words(&a.cumsum(Axis(0))), words(&a.cumsum(Axis(1)))].concat()),
];

/// 900 x 1700 numbers as four blocks of different lengths.
fn large(hub: &Hub) -> (DistArray2<f64>, DistArray2<f64>) {
    let x = numbers(&[900, 1700]).into_dimensionality::<Ix2>().unwrap();
    let parts = [s![..400, ..1000], s![..400, 1000..], s![400.., ..1000], s![400.., 1000..]];
    let blocks = parts.map(|part| hub.scatter(&x.slice(part)).unwrap()).to_vec();
    (hub.scatter(&x).unwrap(), DistArray::from_blocks(&[2, 2], blocks).unwrap())
}

#[distob::test]
fn engine_processes_read_blocks() {
    let hub = processes();
    let (plain, blocks) = large(&hub);
    for (name, case) in CASES {
        let wanted = case(&plain);
        let before = elsewhere(&hub);
        // An engine that sleeps may be woken too late for a single job.
        let mut rounds = 0;
        while elsewhere(&hub) == before {
            assert!(case(&blocks) == wanted, "{name}: other bits in engine processes");
            rounds += 1;
            assert!(rounds < 50, "{name}: no chunk in an engine process");
        }
    }
    assert!(blocks.is_pending());
}

#[distob::test]
fn killed_engines_change_no_bit() {
    let hub = Hub::builder().process().engines(3).start().unwrap();
    let (plain, blocks) = large(&hub);
    let wanted: Vec<Vec<u64>> = CASES.iter().map(|(_, case)| case(&plain)).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut nth = 0;
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_micros(3000 + nth * 7919 % 9000));
                let pids: Vec<u32> = hub.activity().iter().filter_map(|activity| activity.pid).collect();
                if let Some(&pid) = pids.get(nth as usize % pids.len().max(1)) {
                    // It may have ended meanwhile; its number is not given to another before it is reaped.
                    let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
                }
                nth += 1;
            }
        });
        let results: Vec<Vec<u64>> = (0..3).flat_map(|_| CASES.iter().map(|(_, case)| case(&blocks))).collect();
        stop.store(true, Ordering::Relaxed);
        for (nth, bits) in results.iter().enumerate() {
            let (name, _) = CASES[nth % CASES.len()];
            assert!(*bits == wanted[nth % CASES.len()], "{name}: other bits while engines were killed");
        }
    });
    assert!(hub.deaths() > 0, "no engine was killed");
}
