//! Operands on a hub that is not the current one: its arrays decide, and ndarray's arrays and numbers go there.

use distob::functions;
use distob::prelude::*;
use distob::ufunc::*;
use distob::{Error, Hub};
use half::f16;
use ndarray::{ArrayD, array};
use num_complex::Complex;

/// A hub that nobody enters.
fn hub() -> Hub {
    Hub::builder().embedded().engines(2).start().unwrap()
}

/// The elements of an array that is on this hub.
#[track_caller]
fn on<A: Element, D: Dimension>(hub: &Hub, array: DistArray<A, D>) -> ArrayD<A> {
    assert_eq!(array.hub().id(), hub.id(), "the operand's hub");
    array.gather().into_dyn()
}

#[distob::test]
fn products_of_matrices_and_vectors() {
    let hub = hub();
    let (m, x) = (array![[1.0, 2.0], [3.0, 5.0]], array![1.0, 10.0]);
    let (a, v) = (hub.scatter(&m).unwrap(), hub.scatter(&x).unwrap());
    let (mx, xm, mm) = (m.dot(&x).into_dyn(), x.dot(&m).into_dyn(), m.dot(&m).into_dyn());
    for (given, expected) in [
        (on(&hub, Matmul.call(&a, &x)), &mx),
        (on(&hub, Matmul.call(&m, &v)), &mx),
        (on(&hub, Matmul.call(&x, &a)), &xm),
        (on(&hub, Matmul.call(&v, &m)), &xm),
        (on(&hub, Matmul.call(&a, &m)), &mm),
        (on(&hub, Matmul.call(&m, &a)), &mm),
        (on(&hub, Matvec.call(&a, &x)), &mx),
        (on(&hub, Matvec.call(&m, &v)), &mx),
        (on(&hub, Vecmat.call(&x, &a)), &xm),
        (on(&hub, Vecmat.call(&v, &m)), &xm),
        (on(&hub, Vecdot.call(&a, &x)), &mx),
        (on(&hub, Vecdot.call(&m, &v)), &mx),
        (on(&hub, Matmul.call(&v, &x)), &ndarray::arr0(101.0).into_dyn()),
        (on(&hub, a.dot(&x)), &mx),
        (on(&hub, a.dot(&m)), &mm),
        (on(&hub, v.dot(&m)), &xm),
        (on(&hub, a.try_dot(&x).unwrap()), &mx),
    ] {
        assert_eq!(&given, expected);
    }
    assert_eq!(v.dot(&x), 101.0);
    let z = array![Complex::new(1.0, 2.0), Complex::i()];
    let w = hub.scatter(array![Complex::new(0.0, 1.0), Complex::new(3.0, 0.0)]).unwrap();
    // conj(1 + 2i) i + conj(i) 3
    assert_eq!(on(&hub, Vecdot.call(&z, &w)), ndarray::arr0(Complex::new(2.0, -2.0)).into_dyn());
    let halves = hub.scatter(m.mapv(f16::from_f64)).unwrap();
    assert_eq!(on(&hub, Matvec.call(&halves, &x.mapv(f16::from_f64))), mx.mapv(f16::from_f64));
    let other = self::hub().scatter(&x).unwrap();
    assert!(matches!(Matvec.try_call(&a, &other), Err(Error::ForeignHub { .. })));
    assert!(matches!(a.try_dot(&other), Err(Error::ForeignHub { .. })));
}

#[distob::test]
fn masks_of_reductions() {
    let hub = hub();
    let (m, mask) = (array![[1, 2, 3], [4, 5, 6]], array![true, false, true]);
    let (a, flags) = (hub.scatter(&m).unwrap(), hub.scatter(&mask).unwrap());
    let expected = array![4, 10].into_dyn();
    assert_eq!(on(&hub, Add.reduce(&a).axis(1).mask(&mask).run().unwrap()), expected);
    assert_eq!(on(&hub, Add.reduce(&m).axis(1).mask(&flags).run().unwrap()), expected);
    assert_eq!(on(&hub, Add.reduce(&a).axis(1).mask(&flags).run().unwrap()), expected);
    assert_eq!(Add.reduce(&m).all().mask(&flags).scalar().unwrap(), 14);
    assert_eq!(Add.reduce(&a).all().mask(true).scalar().unwrap(), 21);
    let other = self::hub().scatter(&mask).unwrap();
    assert!(matches!(Add.reduce(&a).axis(1).mask(&other).run(), Err(Error::ForeignHub { .. })));
    assert_eq!(on(&hub, Add.reduce(&a).run().unwrap()), array![5, 7, 9].into_dyn());
    assert_eq!(on(&hub, Add.accumulate(&a).initial(1).run().unwrap()), array![[1, 1, 1], [2, 3, 4]].into_dyn());
    assert_eq!(on(&hub, Add.reduceat(&a, array![0, 1]).axis(1).run().unwrap()), array![[1, 5], [4, 11]].into_dyn());
    let starts = hub.scatter(array![0, 1]).unwrap();
    assert_eq!(on(&hub, Add.reduceat(&m, &starts).axis(1).run().unwrap()), array![[1, 5], [4, 11]].into_dyn());
    assert_eq!(on(&hub, Subtract.reduce(&a).initial(10).run().unwrap()), array![5, 3, 1].into_dyn());
}

#[distob::test]
fn updates_at_places() {
    let hub = hub();
    let (mut plain, x) = (array![1.0, 2.0, 3.0], array![10.0, 20.0]);
    let b = hub.scatter(&x).unwrap();
    Add.at(&mut plain, [0, 0], &b).unwrap();
    assert_eq!(plain, array![31.0, 2.0, 3.0]);
    Add.at(&mut plain.view_mut(), hub.scatter(array![2, 1]).unwrap(), &b + 1.0).unwrap();
    assert_eq!(plain, array![31.0, 23.0, 14.0]);
    let mut a = hub.scatter(&plain).unwrap();
    Add.at(&mut a, [2, 2], &x).unwrap();
    Negative.at(&mut a, [0]).unwrap();
    assert_eq!(on(&hub, a), array![-31.0, 23.0, 44.0].into_dyn());
}

#[distob::test]
fn results_into_arrays_that_are_there() {
    let hub = hub();
    let (m, mask) = (array![[1, 4], [9, 0]], array![[true, true], [true, false]]);
    let out = || hub.scatter(array![[-1, -1], [-1, -1]]).unwrap();
    let into = |f: &dyn Fn(&mut DistArray2<i32>) -> distob::Result<()>| {
        let mut out = out();
        f(&mut out).unwrap();
        on(&hub, out)
    };
    assert_eq!(into(&|out| Negative.call_into(&m, out)), (-&m).into_dyn());
    assert_eq!(into(&|out| Negative.call_into(7, out)), array![[-7, -7], [-7, -7]].into_dyn());
    assert_eq!(into(&|out| Add.call_into(&m, 1, out)), (&m + 1).into_dyn());
    assert_eq!(into(&|out| Add.call_into(&m, &m, out)), (&m * 2).into_dyn());
    assert_eq!(into(&|out| Add.call_into(2, 3, out)), array![[5, 5], [5, 5]].into_dyn());
    let flags = hub.scatter(&mask).unwrap();
    assert_eq!(into(&|out| Negative.call_where(&m, &mask, out)), array![[-1, -4], [-9, -1]].into_dyn());
    assert_eq!(into(&|out| Negative.call_where(&m, &flags, out)), array![[-1, -4], [-9, -1]].into_dyn());
    assert_eq!(into(&|out| Reciprocal.call_where(&m, &mask, out)), array![[1, 0], [0, -1]].into_dyn());
    assert_eq!(into(&|out| FloorDivide.call_where(36, &m, &mask, out)), array![[36, 9], [4, -1]].into_dyn());
    assert_eq!(into(&|out| FloorDivide.call_where(&m, &m, &flags, out)), array![[1, 1], [1, -1]].into_dyn());
    assert_eq!(into(&|out| Add.call_where(&m, &m, &mask, out)), array![[2, 8], [18, -1]].into_dyn());
    let other = self::hub().scatter(&m).unwrap();
    assert!(matches!(Add.call_into(&other, 1, &mut out()), Err(Error::ForeignHub { .. })));
    assert!(matches!(Add.call_where(&other, 1, &mask, &mut out()), Err(Error::ForeignHub { .. })));
}

#[distob::test]
fn operators_and_functions() {
    let hub = hub();
    let m = array![[1.0, 2.0], [3.0, 5.0]];
    let a = hub.scatter(&m).unwrap();
    let twice = (&m * 2.0).into_dyn();
    assert_eq!(on(&hub, &a + &m), twice);
    assert_eq!(on(&hub, &m + &a), twice);
    assert_eq!(on(&hub, functions::add(&m, &a)), twice);
    assert_eq!(on(&hub, a.zip_with(&m, |x, y| x + y)), twice);
    assert_eq!(on(&hub, (&m, &a, 0.0).zip_with(|x, y, z| x + y + z)), twice);
    assert_eq!(on(&hub, a.less(2.5).choose(&m, -1.0)), array![[1.0, 2.0], [-1.0, -1.0]].into_dyn());
    assert_eq!(on(&hub, a.maximum(&m)), m.clone().into_dyn());
    assert_eq!(on(&hub, a.clamp(2.0, 3.0)), array![[2.0, 2.0], [3.0, 3.0]].into_dyn());
    assert_eq!(on(&hub, a.map_with(&1.0, |y, x: f64| x * y)), m.clone().into_dyn());
    assert_eq!(on(&hub, Multiply.outer(&array![1.0, 2.0], &a)).len(), 8);
    assert_eq!(on(&hub, Multiply.outer(&a, &array![1.0, 2.0])).len(), 8);
    let (q, r) = Divmod.call(&m, &a);
    assert_eq!((on(&hub, q), on(&hub, r)), (ArrayD::ones(vec![2, 2]), ArrayD::zeros(vec![2, 2])));
    let mut b = a.clone();
    b.assign(&m);
    b += &m;
    assert_eq!(on(&hub, b), twice);
}
