//! Operands wherever their elements lie: small ones, which are computed at once, and large ones, which go tile by tile.

use distob::prelude::*;
use ndarray::{Array2, Array3, IxDyn, SliceInfo, SliceInfoElem};

/// Ways to see an array of shape (24, 20) as one of another layout.
fn layouts(a: &DistArray<f64, ndarray::Ix2>) -> Vec<DistArray<f64, ndarray::Ix2>> {
    vec![
        a.clone(),
        a.t().to_shared(),
        a.slice_shared(s![..;-1, ..]),
        a.slice_shared(s![.., ..;-2]),
        a.slice_shared(s![1..;3, 2..7]),
        a.t().slice(s![..;-1, 3..]).to_shared(),
        a.slice_shared(s![5..6, ..]),
        a.slice_shared(s![.., 4..5]),
        a.slice_shared(s![7..8, 7..8]),
        a.slice_shared(s![3..3, ..]),
    ]
}

#[distob::test]
fn small_operands_of_every_layout() {
    let x = Array2::from_shape_fn((24, 20), |(i, j)| (i as f64 - 7.5) * 0.25 + j as f64);
    let a = DistArray::from(x);
    for one in layouts(&a) {
        let o = one.view().to_owned();
        assert_eq!(-&one, -&o);
        assert_eq!(&one * 2.0, &o * 2.0);
        assert_eq!(1.0 - &one, 1.0 - &o);
        assert_eq!(one.sqrt().mapv(f64::to_bits).iter().max(), o.mapv(|x| x.sqrt().to_bits()).iter().max());
        assert_eq!(one.powi(3).shape(), o.shape());
        assert_eq!(one.astype::<i32>(), o.mapv(|x| x as i32));
        for other in layouts(&a).iter().flat_map(|other| [other.clone(), other.t().to_shared()]) {
            let p = other.view().to_owned();
            let Some(shape) = together(o.shape(), p.shape()) else {
                assert!(one.try_add(&other).is_err());
                continue;
            };
            let (o, p) = (o.broadcast(shape).unwrap(), p.broadcast(shape).unwrap());
            let sum = &one + &other;
            assert_eq!(sum, &o + &p, "{:?} + {:?}", one.strides(), other.strides());
            assert_eq!(&one - &other, &o - &p);
            assert_eq!(&one / &other, &o / &p);
            assert_eq!(one.less(&other), ndarray::Zip::from(&o).and(&p).map_collect(|x, y| x < y));
            let mut changed = DistArray::from(o.to_owned());
            changed *= &other;
            assert_eq!(changed, &o * &p);
        }
    }
}

/// The shape that two shapes of two axes broadcast to.
fn together(a: &[usize], b: &[usize]) -> Option<(usize, usize)> {
    let axis = |axis: usize| match (a[axis], b[axis]) {
        (a, b) if a == b => Some(a),
        (1, n) | (n, 1) => Some(n),
        _ => None,
    };
    Some((axis(0)?, axis(1)?))
}

#[distob::test]
fn memory_runs_as_that_of_the_operands() {
    let small = DistArray::<f64, _>::ones((8, 10));
    let large = DistArray::<f64, _>::ones((200, 300));
    for a in [small, large] {
        assert_eq!((&a.t() + &a.t()).evaluated().unwrap().strides(), [1, a.ncols() as isize]);
        assert_eq!((&a.t() * 2.0).evaluated().unwrap().strides(), [1, a.ncols() as isize]);
        assert_eq!((-&a.t()).evaluated().unwrap().strides(), [1, a.ncols() as isize]);
        assert_eq!((&a + &a).evaluated().unwrap().strides(), [a.ncols() as isize, 1]);
    }
    let three = DistArray::<i32, _>::zeros((3, 4, 5)).permuted_axes([2, 0, 1]);
    assert_eq!((&three + 1).strides(), three.strides());
}

#[distob::test]
fn an_integer_divided_by_zero_is_found_in_any_layout() {
    let a = DistArray::from(Array2::from_shape_fn((3, 4), |(i, j)| (4 * i + j) as i32));
    let error = |x: DistArray<i32, ndarray::Ix2>, y: &DistArray<i32, ndarray::Ix2>| {
        x.try_div(y).and_then(|quotient| quotient.evaluated()).unwrap_err().to_string()
    };
    for (error, place) in [
        (error(a.clone(), &a), "[0, 0]"),
        (error(&a.t() + 1, &a.t().to_shared()), "[0, 0]"),
        (error(&a + 1, &a.slice_shared(s![..;-1, ..])), "[2, 0]"),
        (error(&a + 1, &a.slice_shared(s![..1, ..;-1])), "[0, 3]"),
    ] {
        assert!(error.contains(place), "{place} in {error}");
    }
}

#[distob::test]
fn large_transposed_operands_of_every_element_size() {
    fn check<A>(of: impl Fn(usize) -> A)
    where
        A: distob::Element + std::ops::Add<Output = A> + PartialEq + std::fmt::Debug + num_traits::Zero,
    {
        for n in [129, 512, 601] {
            let x = Array2::from_shape_fn((n, n), |(i, j)| of(i * n + j));
            let a = DistArray::from(x.clone());
            assert_eq!(&a + &a.t(), &x + &x.t());
            assert_eq!(&a.t() + &a, &x.t() + &x);
            let (b, y) = (a.slice_shared(s![..;-1, 1..]), x.slice(s![..;-1, 1..]).to_owned());
            let (c, z) = (a.t().slice_move(s![1.., ..]), x.t().slice(s![1.., ..]).to_owned());
            assert_eq!(&b.t() + &c, &y.t() + &z);
            assert_eq!(a.t().as_standard_layout().view(), x.t());
        }
    }
    check(|i| (i % 100) as u8);
    check(|i| (i % 10_000) as i16);
    check(|i| i as f32);
    check(|i| i as f64);
    check(|i| num_complex::Complex::new(i as f64, -1.0));
    let x = Array3::from_shape_fn((40, 70, 90), |(i, j, k)| (10_000 * i + 100 * j + k) as i64);
    let a = DistArray::from(x.clone());
    for axes in [[0, 2, 1], [2, 1, 0], [1, 2, 0], [2, 0, 1], [1, 0, 2]] {
        let (b, y) = (a.clone().permuted_axes(axes), x.clone().permuted_axes(axes));
        let c = DistArray::from(ndarray::Array::from_shape_fn(y.raw_dim(), |(i, j, k)| (i + 3 * j + 7 * k) as i64));
        assert_eq!(&b * 2 - &c, &y * 2 - &*c);
        assert_eq!(&c + &b, &c.view() + &y);
    }
}

#[distob::test]
fn many_axes() {
    let shape = [2, 3, 1, 2, 3, 2, 2];
    let x = ndarray::ArrayD::from_shape_fn(IxDyn(&shape), |index| {
        index.slice().iter().fold(0.0, |number, &i| number * 10.0 + i as f64)
    });
    let a = DistArray::from(x.clone());
    let order = IxDyn(&[6, 0, 5, 1, 4, 2, 3]);
    let (b, y) = (a.permuted_axes(order.clone()), x.permuted_axes(order));
    let every: Vec<SliceInfoElem> = vec![s![..;-1].as_ref()[0]; 7];
    let every = SliceInfo::<_, IxDyn, IxDyn>::try_from(every).unwrap();
    let (c, z) = (b.slice_shared(every.clone()), y.slice(every).to_owned());
    assert_eq!(&b + &c, &y + &z);
    assert_eq!(&b * &c.index_axis(Axis(0), 0).to_owned(), &y * &z.index_axis(Axis(0), 0));
}
