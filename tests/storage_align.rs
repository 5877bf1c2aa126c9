//! Arrays in memory that is aligned to their elements and to no more: an allocator of this program's own gives no better. Kernels read and write
//! such memory where it is; results are those of the same elements in the pool, bit for bit.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Debug;
use std::ops::{Add, Mul};

use distob::prelude::*;
use distob::ufunc::Add as Sum;
use distob::{DistArray, Element, EngineKind, Hub};
use ndarray::ShapeBuilder;
use num_complex::Complex;

/// Gives addresses that are an odd multiple of what was asked for, up to 8.
struct Odd;

const WIDEST: usize = 8;
const SHORTEST: usize = 60;

fn wider(layout: Layout) -> Option<Layout> {
    let align = layout.align();
    // Buffers of a few bytes are left alone: nix puts control messages into such, and relies on their addresses.
    let moved = align <= WIDEST && (align > 1 || layout.size() >= SHORTEST);
    let room = layout.size().checked_add(2 * align).filter(|_| moved);
    room.and_then(|size| Layout::from_size_align(size, 2 * align).ok())
}

// SAFETY: memory of the system's allocator, in which the caller's begins `align` bytes behind an address aligned to twice that: aligned to
// `align`, and as long as was asked for. It is given back from the same address and with the same layout.
unsafe impl GlobalAlloc for Odd {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the layouts are not empty, since the caller's is not.
        unsafe {
            match wider(layout) {
                Some(wider) => match System.alloc(wider) {
                    null if null.is_null() => null,
                    there => there.add(layout.align()),
                },
                None => System.alloc(layout),
            }
        }
    }

    unsafe fn dealloc(&self, there: *mut u8, layout: Layout) {
        // SAFETY: as `alloc` has given it.
        unsafe {
            match wider(layout) {
                Some(wider) => System.dealloc(there.sub(layout.align()), wider),
                None => System.dealloc(there, layout),
            }
        }
    }
}

#[global_allocator]
static ODD: Odd = Odd;

/// Large enough for stores past the caches.
const LARGE: (usize, usize) = (1100, 1700);

fn check<A>(hub: &Hub, f: impl Fn(usize) -> A)
where
    A: Element + PartialEq + Debug + Add<Output = A> + Mul<Output = A> + num_traits::Zero,
    Sum: distob::ufunc::Binary<A, A, Output = A>,
{
    for shape in [(7, 9), (150, 170), LARGE] {
        let x = Array2::from_shape_fn(shape, |(i, j)| f(i * 37 + j));
        let y = Array2::from_shape_fn(shape.f(), |(i, j)| f(i + j * 11));
        assert_eq!(x.as_ptr().addr() % (2 * align_of::<A>()), align_of::<A>(), "the allocator is odd");
        let own = (hub.scatter(x.clone()).unwrap(), hub.scatter(y.clone()).unwrap());
        let pooled = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
        let results = |a: &DistArray2<A>, b: &DistArray2<A>| -> Vec<DistArrayD<A>> {
            let cut = s![1.., ..;-2];
            let (part, turned) = (a.slice_shared(cut), b.t().to_shared());
            vec![
                (a + b).into_dyn(),
                (a * a + b).into_dyn(),
                (&part + &b.slice_shared(cut)).into_dyn(),
                (&turned * a.t()).into_dyn(),
                a.sum_axis(Axis(0)).into_dyn(),
                b.sum_axis(Axis(0)).into_dyn(),
                part.sum_axis(Axis(1)).into_dyn(),
                DistArray::from_elem((), a.sum()).into_dyn(),
                turned.reshape(b.len()).into_dyn(),
                Sum.accumulate(a).axis(1).run().unwrap().into_dyn(),
                Sum.accumulate(b).axis(0).run().unwrap().into_dyn(),
                a.mapv(|x| x + A::zero()).into_dyn(),
            ]
        };
        for (nth, (one, two)) in results(&own.0, &own.1).into_iter().zip(results(&pooled.0, &pooled.1)).enumerate() {
            assert_eq!(one, two, "result {nth} of {shape:?}, {}", std::any::type_name::<A>());
        }
        // Written where it is: a copy from the pool, a program's results, a duplicate, the way out.
        let (mut a, want) = (own.0, &pooled.0 + &pooled.1);
        a.assign(&own.1);
        assert_eq!(a, y);
        let at = a.as_ptr();
        a.assign(&pooled.0 + &own.1);
        assert_eq!(a, want);
        // Kernels do not store numbers of two parts to where their words are not aligned.
        assert!(a.as_ptr() == at || size_of::<A>() > align_of::<A>() || hub.kind() == EngineKind::Process);
        let mut b = a.clone();
        b[[0, 0]] = f(3);
        assert_eq!((b[[0, 0]], a[[0, 0]], b[[6, 8]]), (f(3), want[[0, 0]], want[[6, 8]]));
        assert_eq!((a.gather(), want.gather()), (want.gather(), a.gather()));
        a.append(Axis(0), x.view()).unwrap();
        assert_eq!(a.slice(s![shape.0.., ..]), x);
    }
}

#[distob::test]
fn elements_are_aligned_to_themselves_and_no_more() {
    for hub in [Hub::builder().embedded().engines(2), Hub::builder().process().engines(2)] {
        let hub = hub.start().unwrap();
        let _entered = hub.enter();
        check(&hub, |i| i as f64 * 0.25 - 9.0);
        check(&hub, |i| i as f32 * 0.25 - 9.0);
        check(&hub, |i| i as u8);
        check(&hub, |i| i as i16);
        check(&hub, |i| Complex::new(i as f64 * 0.5, 2.0));
        check(&hub, |i| Complex::new(i as f32 * 0.5, 2.0));
    }
}
