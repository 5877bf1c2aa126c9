//! Whatever changed an array's layout, its partition is one of the present shape, and its elements are ndarray's.

use distob::prelude::*;
use distob::{Error, Partition};
use ndarray::{ArrayRef, IxDyn, LayoutRef, Order, Slice};
use proptest::prelude::*;

fn hub(engines: usize) -> &'static Hub {
    static HUBS: std::sync::OnceLock<[Hub; 3]> = std::sync::OnceLock::new();
    let start = |n| Hub::builder().embedded().engines(n).start().unwrap();
    &HUBS.get_or_init(|| [start(1), start(2), start(5)])[engines]
}

/// Every element is in one block, and each block is of an engine that there is.
#[track_caller]
fn consistent<D: ndarray::Dimension>(array: &DistArray<f64, D>, after: &str) {
    let (partition, shape) = (array.partition(), array.shape().to_vec());
    assert_eq!(partition.blocks_per_axis().len(), shape.len(), "{after}");
    assert_eq!(partition.len(), partition.blocks_per_axis().iter().product::<usize>(), "{after}");
    let mut seen = ArrayD::<u8>::zeros(IxDyn(&shape));
    for block in partition.blocks() {
        assert!(block.engine < array.hub().engines(), "{after}: {block:?}");
        assert_eq!(block.ranges.len(), shape.len(), "{after}");
        assert!(
            block.ranges.iter().zip(&shape).all(|(range, &n)| range.start <= range.end && range.end <= n),
            "{after}"
        );
        seen.slice_each_axis_mut(|axis| Slice::from(block.ranges[axis.axis.index()].clone())).mapv_inplace(|n| n + 1);
    }
    assert!(seen.iter().all(|&n| n == 1), "{after}: {partition:?} of {shape:?}");
    let placement = array.placement();
    assert_eq!(placement.len(), partition.len(), "{after}");
    assert!(placement.iter().zip(partition.blocks()).all(|(&engine, block)| engine == block.engine), "{after}");
    // Each axis that there is can be the one that it is split along.
    for axis in 0..shape.len() {
        let split = array.resplit(axis as isize - shape.len() as isize).unwrap();
        assert_eq!(split.partition().edges(axis).last(), Some(&shape[axis]), "{after}");
    }
    assert!(matches!(array.resplit(shape.len() as isize), Err(Error::Axis { .. })), "{after}");
}

/// One change of the layout, in the array and in ndarray's; `way` says which, `k` where.
fn change(d: &mut DistArrayD<f64>, x: &mut ArrayD<f64>, way: u8, k: usize) -> &'static str {
    let rank = x.ndim();
    let axis = Axis(k % rank.max(1));
    let (a, b) = (k % rank.max(1), k / 7 % rank.max(1));
    let cut = |n: usize| match k % 5 {
        0 => Slice::new(0, Some((n / 2) as isize), 1),
        1 => Slice::new((n / 3) as isize, None, 1),
        2 => Slice::new(0, None, -1),
        3 => Slice::new(0, None, 2),
        _ => Slice::new(0, None, 1),
    };
    // ndarray's methods see nothing but this.
    fn layout(d: &mut DistArrayD<f64>) -> &mut LayoutRef<f64, IxDyn> {
        let elements: &mut ArrayRef<f64, IxDyn> = d;
        elements.as_mut()
    }
    match way {
        _ if rank == 0 => {
            *d = d.clone().insert_axis(Axis(0));
            *x = x.clone().insert_axis(Axis(0));
            "insert_axis"
        }
        0 => (layout(d).swap_axes(a, b), x.swap_axes(a, b), "swap_axes through DerefMut").2,
        1 => (layout(d).invert_axis(axis), x.invert_axis(axis), "invert_axis through DerefMut").2,
        2 => {
            layout(d).slice_axis_inplace(axis, cut(x.len_of(axis)));
            x.slice_axis_inplace(axis, cut(x.len_of(axis)));
            "slice_axis_inplace through DerefMut"
        }
        3 => {
            layout(d).slice_each_axis_inplace(|axis| cut(axis.len));
            x.slice_each_axis_inplace(|axis| cut(axis.len));
            "slice_each_axis_inplace through DerefMut"
        }
        4 if x.len_of(axis) > 0 => {
            let index = k % x.len_of(axis);
            layout(d).collapse_axis(axis, index);
            x.collapse_axis(axis, index);
            "collapse_axis through DerefMut"
        }
        5 => {
            let before = (d.clone(), x.clone());
            // A copy on write leaves no gap, and so it may merge what ndarray's view cannot.
            if layout(d).merge_axes(Axis(a), Axis(b)) != x.merge_axes(Axis(a), Axis(b)) {
                (*d, *x) = before;
            }
            "merge_axes through DerefMut"
        }
        6 => {
            let mut order: Vec<usize> = (0..rank).collect();
            order.rotate_left(a);
            d.permute_axes(&order[..]);
            x.permute_axes(&order[..]);
            "permute_axes"
        }
        7 => (d.reverse_axes(), x.reverse_axes(), "reverse_axes").2,
        8 => (d.swap_axes(a, b), x.swap_axes(a, b), "swap_axes").2,
        9 => {
            d.slice_collapse(ndarray::SliceInfo::<_, IxDyn, IxDyn>::try_from(whole_but_first(x.shape())).unwrap());
            x.slice_collapse(ndarray::SliceInfo::<_, IxDyn, IxDyn>::try_from(whole_but_first(x.shape())).unwrap());
            "slice_collapse"
        }
        10 => (d.invert_axis(axis), x.invert_axis(axis), "invert_axis").2,
        11 => {
            let before = (d.clone(), x.clone());
            if d.merge_axes(Axis(a), Axis(b)) != x.merge_axes(Axis(a), Axis(b)) {
                (*d, *x) = before;
            }
            "merge_axes"
        }
        12 => {
            *d = d.t().to_shared();
            *x = x.t().to_owned();
            "t"
        }
        13 => {
            *d = d.flatten().into_dyn();
            *x = x.flatten().into_owned().into_dyn();
            "flatten"
        }
        14 => {
            let len = x.len();
            let shape = if len.is_multiple_of(6) { vec![2, len / 6, 3] } else { vec![len, 1] };
            *d = d.reshape(&shape[..]);
            *x = x.to_shape(&shape[..]).unwrap().into_owned();
            "reshape"
        }
        15 => {
            let shape = (IxDyn(&[1, x.len()]), Order::ColumnMajor);
            *d = d.to_shape(shape.clone()).unwrap();
            *x = x.to_shape(shape).unwrap().into_owned();
            "to_shape in column-major order"
        }
        16 if x.len_of(axis) > 0 => {
            d.index_axis_inplace(axis, 0);
            x.index_axis_inplace(axis, 0);
            "index_axis_inplace"
        }
        17 if rank < 5 => {
            d.insert_axis_inplace(axis);
            x.insert_axis_inplace(axis);
            "insert_axis_inplace"
        }
        18 => {
            *d = d.clone().squeeze();
            *x = x.clone().squeeze();
            "squeeze"
        }
        19 => {
            *d = d.clone().into_diag().into_dyn();
            *x = x.clone().into_diag().into_dyn();
            "into_diag"
        }
        20 => {
            *d = &*d + 1.0;
            *x += 1.0;
            "an expression"
        }
        _ => {
            *d += 2.0;
            *x += 2.0;
            "+="
        }
    }
}

/// All of each axis but its first index, where there is a second.
fn whole_but_first(shape: &[usize]) -> Vec<ndarray::SliceInfoElem> {
    let part = |&n: &usize| ndarray::SliceInfoElem::Slice { start: isize::from(n > 1), end: None, step: 1 };
    shape.iter().map(part).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_partition_is_always_of_the_present_shape(
        shape in prop::collection::vec(prop_oneof![10 => 1usize..7, 1 => Just(0), 1 => 30usize..50], 0..5)
            .prop_filter("too large", |shape| shape.iter().product::<usize>() < 60_000),
        steps in prop::collection::vec((0u8..22, 0usize..1000, any::<bool>(), 0u8..3), 1..9),
        engines in 0usize..3,
    ) {
        let hub = hub(engines);
        let mut n = 0.0;
        let mut x = ArrayD::from_shape_simple_fn(IxDyn(&shape), || { n += 1.0; n });
        let mut d = hub.scatter(&x).unwrap();
        let mut done = String::new();
        for (way, k, shared, split) in steps {
            // Something that was said of the partition before the layout changes.
            match split {
                0 if d.ndim() > 0 => d = d.resplit((k % d.ndim()) as isize).unwrap(),
                1 => {
                    let blocks: Vec<usize> = (0..d.ndim()).map(|axis| 1 + (k + axis) % 3).collect();
                    d = d.with_partition(Partition::grid(d.shape(), &blocks, hub.engines()).unwrap()).unwrap();
                }
                _ => {}
            }
            let before = shared.then(|| (d.clone(), x.clone(), d.partition()));
            done = format!("{done}, {}", change(&mut d, &mut x, way, k));
            consistent(&d, &done);
            prop_assert_eq!(&d, &x, "{}", &done);
            prop_assert_eq!(d.sum(), x.sum(), "{}", &done);
            if let Some((d, x, partition)) = before {
                prop_assert_eq!(&d, &x, "a clone keeps its layout: {}", &done);
                prop_assert_eq!(d.partition(), partition, "and its partition: {}", &done);
            }
        }
    }
}

#[test]
fn a_partition_stays_where_the_shape_does() {
    let hub = hub(2);
    let mut d = hub.scatter(Array2::<f64>::zeros((9, 8))).unwrap().resplit(1).unwrap();
    let columns = d.partition();
    assert_eq!(columns.blocks_per_axis(), [1, 5]);
    d[[1, 1]] = 2.0;
    d += 1.0;
    d.mapv_inplace(|v| v * 2.0);
    d.fill(3.0);
    d.assign(&Array1::<f64>::ones(8));
    assert_eq!((d.partition(), d.sum()), (columns.clone(), 72.0));
    // The methods of this crate take what they change back to the first axis, those of ndarray are not seen to be called.
    d.swap_axes(0, 1);
    assert_eq!(d.partition().blocks_per_axis(), [5, 1]);
    d = d.with_partition(Partition::from_edges(&[8, 9], vec![vec![0, 8], vec![0, 0, 2, 9]], 5).unwrap()).unwrap();
    assert_eq!(d.placement(), [0, 1, 2]);
    let elements: &mut ndarray::ArrayRef2<f64> = &mut d;
    elements.swap_axes(0, 1);
    assert_eq!((d.shape(), d.partition().blocks_per_axis()), (&[9, 8][..], vec![5, 1]));
    assert!(d.with_partition(columns.clone()).is_ok());
    assert!(matches!(d.t().to_shared().with_partition(columns), Err(Error::InvalidArgument { .. })));
    let many = Partition::along(&[9, 8], 0, 6).unwrap();
    assert!(matches!(d.with_partition(many), Err(Error::InvalidArgument { .. })), "the hub has no sixth engine");
}

#[test]
fn a_block_that_is_not_there_panics() {
    let partition = Partition::along(&[4, 3], 0, 2).unwrap();
    assert_eq!(partition.block(1).ranges, [2..4, 0..3]);
    assert!(std::panic::catch_unwind(|| partition.block(2)).is_err());
}
