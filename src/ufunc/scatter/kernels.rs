//! The loops of `at`: values joined to elements at places that are given.

use crate::segment::join::Join;

/// A place, as a stream of updates has it.
pub(super) trait Index: Copy {
    fn index(self) -> usize;
}
impl Index for usize {
    #[inline(always)]
    fn index(self) -> usize {
        self
    }
}
impl Index for u32 {
    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

/// `a[places[i]] = f(a[places[i]], b[i * step])`, in order.
pub(super) type EachFn<P> = unsafe fn(a: *mut u8, places: &[P], b: *const u8, step: usize);

/// The loops of a join.
#[derive(Debug)]
pub(super) struct Loops {
    /// Bytes of an accumulator.
    pub acc: usize,
    pub each: EachFn<usize>,
    pub each_near: EachFn<u32>,
    /// `a[places[i]] = f(a[places[i]], b[which[i] * step])`, in order.
    pub picked: unsafe fn(a: *mut u8, places: &[usize], which: &[usize], b: *const u8, step: usize),
    /// `a[c] = f(a[c], b[c])` for `c < n`.
    pub row: unsafe fn(a: *mut u8, b: *const u8, n: usize),
    /// Writes `n` neutral accumulators.
    pub neutral: unsafe fn(accs: *mut u8, n: usize),
    /// `lanes` sets of `n` accumulators; update `i` goes to set `i % lanes`.
    pub gather: unsafe fn(accs: *mut u8, n: usize, lanes: usize, places: &[usize], b: *const u8, step: usize),
    /// `a[i] = f(..f(f(a[i], copy 0), copy 1).., last copy)` for `i < n`; copies are `apart` accumulators from each other.
    pub merge: unsafe fn(a: *mut u8, accs: *const u8, apart: usize, copies: usize, n: usize),
}

impl Loops {
    pub const fn of<J: Join<Out = <J as Join>::In>>() -> Loops {
        Loops {
            acc: size_of::<J::Acc>(),
            each: each::<J, usize>,
            each_near: each::<J, u32>,
            picked: picked::<J>,
            row: row::<J>,
            neutral: neutral::<J>,
            gather: gather::<J>,
            merge: merge::<J>,
        }
    }
}

/// `to = f(to, value)`.
///
/// # Safety
///
/// The element may be read and written.
#[inline(always)]
unsafe fn update<J: Join<Out = <J as Join>::In>>(to: *mut J::In, value: J::In) {
    // SAFETY: the caller's promise.
    unsafe { to.write(J::leave(J::join(J::enter(to.read()), J::enter(value)))) }
}

/// # Safety
///
/// Elements at `a` at all `places`, and at `b` one for each of them, or, where `step` is 0, one; the two do not overlap.
unsafe fn each<J: Join<Out = <J as Join>::In>, P: Index>(a: *mut u8, places: &[P], b: *const u8, step: usize) {
    let (a, b) = (a.cast::<J::In>(), b.cast::<J::In>());
    for (i, &place) in places.iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe { update::<J>(a.add(place.index()), b.add(i * step).read()) }
    }
}

/// # Safety
///
/// As [`each`], with a value for each number of `which`.
unsafe fn picked<J: Join<Out = <J as Join>::In>>(
    a: *mut u8,
    places: &[usize],
    which: &[usize],
    b: *const u8,
    step: usize,
) {
    let (a, b) = (a.cast::<J::In>(), b.cast::<J::In>());
    for (&place, &number) in places.iter().zip(which) {
        // SAFETY: the caller's promise.
        unsafe { update::<J>(a.add(place), b.add(number * step).read()) }
    }
}

/// # Safety
///
/// `n` elements at `a` and at `b`; the two do not overlap.
unsafe fn row<J: Join<Out = <J as Join>::In>>(a: *mut u8, b: *const u8, n: usize) {
    let (a, b) = (a.cast::<J::In>(), b.cast::<J::In>());
    for c in 0..n {
        // SAFETY: the caller's promise.
        unsafe { update::<J>(a.add(c), b.add(c).read()) }
    }
}

/// # Safety
///
/// Room for `n` accumulators at `accs`.
unsafe fn neutral<J: Join>(accs: *mut u8, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts_mut(accs.cast::<std::mem::MaybeUninit<J::Acc>>(), n) }
        .fill(std::mem::MaybeUninit::new(J::NEUTRAL));
}

/// # Safety
///
/// `lanes` times `n` accumulators at `accs`; every place is below `n`; `b` as for [`each`].
unsafe fn gather<J: Join>(accs: *mut u8, n: usize, lanes: usize, places: &[usize], b: *const u8, step: usize) {
    /// # Safety
    ///
    /// As [`gather`], for `LANES` lanes.
    #[inline(always)]
    unsafe fn lanes_of<J: Join, const LANES: usize>(
        accs: *mut J::Acc,
        n: usize,
        places: &[usize],
        b: *const J::In,
        step: usize,
    ) {
        for (i, &place) in places.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe {
                let to = accs.add(i % LANES * n + place);
                to.write(J::join(to.read(), J::enter(b.add(i * step).read())));
            }
        }
    }
    let (accs, b) = (accs.cast::<J::Acc>(), b.cast::<J::In>());
    // SAFETY: the caller's promise.
    unsafe {
        if lanes == 1 {
            lanes_of::<J, 1>(accs, n, places, b, step);
        } else {
            assert_eq!(lanes, LANES);
            lanes_of::<J, LANES>(accs, n, places, b, step);
        }
    }
}

/// Sets of accumulators where places are so few that the same one comes again before its last sum is there.
pub(super) const LANES: usize = 8;

/// # Safety
///
/// `n` elements at `a`; `n` accumulators in each of `copies` at `accs`.
unsafe fn merge<J: Join<Out = <J as Join>::In>>(a: *mut u8, accs: *const u8, apart: usize, copies: usize, n: usize) {
    let (a, accs) = (a.cast::<J::In>(), accs.cast::<J::Acc>());
    for i in 0..n {
        // SAFETY: the caller's promise.
        unsafe {
            let mut acc = J::enter(a.add(i).read());
            for copy in 0..copies {
                acc = J::join(acc, accs.add(copy * apart + i).read());
            }
            a.add(i).write(J::leave(acc));
        }
    }
}

/// Deals updates to buckets by their place: how many each has (`counts`), or, where `counts` has become the bucket's next free number, the
/// updates themselves.
pub(super) fn count(places: &[usize], shift: u32, counts: &mut [u32]) {
    for &place in places {
        counts[place >> shift] += 1;
    }
}

/// Puts updates where their buckets have room: the place within the bucket, and the value, unless all have the same (`step` is 0).
///
/// # Safety
///
/// `next[place >> shift]` is, for each place, a number that both `near` and `values` have room for, and none is handed out twice;
/// `b` has one value of `size` bytes for each, unless `step` is 0.
pub(super) unsafe fn deal(
    places: &[usize],
    shift: u32,
    next: &mut [u32],
    (near, values): (*mut u32, *mut u8),
    (b, step, size): (*const u8, usize, usize),
) {
    /// # Safety
    ///
    /// As [`deal`], for values that are `T`.
    #[inline(always)]
    unsafe fn each<T: Copy>(
        places: &[usize],
        shift: u32,
        next: &mut [u32],
        (near, values): (*mut u32, *mut T),
        (b, step): (*const T, usize),
    ) {
        let mask = (1usize << shift) - 1;
        for (i, &place) in places.iter().enumerate() {
            let slot = &mut next[place >> shift];
            let at = *slot as usize;
            *slot += 1;
            // SAFETY: the caller's promise.
            unsafe {
                near.add(at).write((place & mask) as u32);
                if step > 0 {
                    values.add(at).write(b.add(i).read());
                }
            }
        }
    }
    // SAFETY: the same promise, for a type of that size and no greater alignment.
    unsafe {
        match size {
            1 => each::<u8>(places, shift, next, (near, values), (b, step)),
            2 => each::<u16>(places, shift, next, (near, values.cast()), (b.cast(), step)),
            4 => each::<u32>(places, shift, next, (near, values.cast()), (b.cast(), step)),
            8 => each::<u64>(places, shift, next, (near, values.cast()), (b.cast(), step)),
            _ => each::<[u64; 2]>(places, shift, next, (near, values.cast()), (b.cast(), step)),
        }
    }
}
