//! `at`: a function of elements at given places and of given values, where a place that comes again counts again.
//!
//! There are four ways, chosen by sizes alone. *In order*: one update after the other, or, by several threads, each those of a range of
//! places, which it picks out of all. *Copies*: where each place is met many times
//! and the function may be grouped, fixed stretches of the updates are joined into accumulators of their own, which are then merged,
//! in order. *Buckets*: where elements are far more than the caches hold, updates are dealt to ranges of places, each of which takes its
//! own in order. *Rows*: where a place is a row of elements, ranges of rows each take their own in order. So but for copies
//! every element sees its updates one after the other, as NumPy's does.

mod kernels;
pub mod places;
mod work;

use super::segment::join;
use super::segment::step::Step;
use super::work::extent;
use super::{DType, Error, Op, Result};
use kernels::{Index, LANES, Loops};
use places::{Numbers, Within};
use std::ops::Range;

/// Updates whose places are looked at together.
pub const BLOCK: usize = 1024;
/// Fewer updates than this are done in order.
const FEW: usize = 1 << 15;
/// With so many updates for each place there are copies.
const COPIES_FROM: usize = 8;
/// Updates for each place that one copy takes, at least.
const OFTEN: usize = 4;
const MOST_COPIES: usize = 64;
/// Below this many places a copy has [`LANES`] sets of accumulators.
const CLOSE: usize = 256;
/// From this many bytes of elements on, updates are dealt to buckets; without a loop of its own, a function is slower than memory, and
/// they are from [`FEW`] places on.
const BEYOND_CACHES: usize = 32 << 20;
/// Buckets, as a power of two, at most.
const BUCKETS: u32 = 7;
/// Updates that are dealt together, at least and at most: the scratch memory of this many.
const DEALT: Range<usize> = 1 << 18..1 << 24;
/// Places for each of them: fewer places are in the caches, where their updates are better too.
const SPREAD: usize = 4;
/// Updates that are dealt by one thread.
const PIECE: usize = 1 << 17;
/// Threads that are worth it where each looks at all updates.
const MOST_THREADS: usize = 16;
/// Ranges of rows, at most, and elements of a row for each.
const RANGES: usize = 32;
const ROW: usize = 8;

fn loops(op: Op, dtype: DType) -> Option<&'static Loops> {
    macro_rules! make {
        ($j:ty) => {{
            const LOOPS: &Loops = &Loops::of::<$j>();
            Some(LOOPS)
        }};
    }
    match op {
        Op::Sub => {
            use join::{Bf16, C32, Difference, F16, F32, Own};
            match dtype {
                DType::Bool => None,
                DType::I8 | DType::U8 => make!(Difference<Own<u8>>),
                DType::I16 | DType::U16 => make!(Difference<Own<u16>>),
                DType::I32 | DType::U32 => make!(Difference<Own<u32>>),
                DType::I64 | DType::U64 => make!(Difference<Own<u64>>),
                DType::F16 => make!(Difference<F16>),
                DType::BF16 => make!(Difference<Bf16>),
                DType::F32 => make!(Difference<F32>),
                DType::F64 => make!(Difference<Own<f64>>),
                DType::C32 => make!(Difference<C32>),
                DType::C64 => make!(Difference<Own<num_complex::Complex<f64>>>),
            }
        }
        // Logic of flags is that of bits; of numbers it gives no numbers.
        Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor if dtype != DType::Bool => None,
        Op::LogicalAnd => make!(join::And<join::Own<u8>>),
        Op::LogicalOr => make!(join::Or<join::Own<u8>>),
        Op::LogicalXor => make!(join::Xor<join::Own<u8>>),
        _ => join::elements!(op, dtype, make),
    }
}

/// What is done to an element.
#[derive(Clone, Copy, Debug)]
enum Function {
    Loops(&'static Loops),
    Step(Step),
}

/// The way that updates go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// One after the other.
    InOrder,
    /// Into so many copies, of so many sets of accumulators each.
    Copies(usize, usize),
    /// Dealt to buckets of `1 << shift` places.
    Buckets(u32),
    /// By ranges of rows.
    Rows(usize),
}

/// Updates of an array, ready to be run.
#[derive(Clone, Debug)]
pub struct Scatter {
    function: Function,
    op: Op,
    types: [DType; 2],
    /// The type of the indices.
    numbers: Numbers,
    /// Whether elements are changed where they are; otherwise they are read in one place and written in another, so that all may be done again.
    in_place: bool,
    /// Bytes of an element and of a value.
    sizes: [usize; 2],
    places: usize,
    updates: usize,
    /// Elements of a place.
    row: usize,
    /// Whether each update has values of its own: otherwise all have the same.
    own: bool,
    way: Way,
    /// Ranges of places for updates in order.
    among: usize,
}

/// Where a chunk of dealt updates is: for each piece and bucket the number of its first one, then places and values.
#[derive(Clone, Copy, Debug)]
pub struct Dealt {
    /// `pieces * (buckets + 1)` numbers.
    pub firsts: *mut u32,
    /// Places within the bucket, of as many updates as are dealt together.
    pub near: *mut u32,
    /// Their values, where each has its own.
    pub values: *mut u8,
}

impl Scatter {
    /// Updates of `places` places of `row` elements each of type `a` by values of type `b`, of which there is a row for each update, or (not `own`)
    /// one for all; indices are of type `numbers`. `None` where the function does not give what it takes first.
    ///
    /// # Errors
    ///
    /// `Error::InvalidArgument` where there is nothing to update, or more than can be addressed.
    pub fn new(
        op: Op,
        [a, b]: [DType; 2],
        [places, row, updates]: [usize; 3],
        own: bool,
        numbers: DType,
    ) -> Result<Option<Scatter>> {
        if places == 0 || row == 0 || updates == 0 {
            return Err(Error::invalid(format!("{updates} updates of {places} places of {row} elements")));
        }
        extent::elements([places, row])?;
        extent::elements([updates, if own { row } else { 1 }, 8])?;
        let numbers = Numbers::of(numbers)?;
        let loops = if a == b { loops(op, a) } else { None };
        let function = match loops {
            Some(loops) => Function::Loops(loops),
            None => match Step::new(op, a, b) {
                Some(step) => Function::Step(step),
                None => return Ok(None),
            },
        };
        let grouped = op != Op::Sub && loops.is_some();
        let buckets = || Way::Buckets((usize::BITS - (places - 1).leading_zeros()).saturating_sub(BUCKETS));
        let way = if row > 1 {
            let ranges = if updates.saturating_mul(row) < FEW { 1 } else { (row / ROW).clamp(1, RANGES).min(places) };
            Way::Rows(ranges)
        } else if updates < FEW {
            Way::InOrder
        } else if grouped && updates / COPIES_FROM >= places {
            Way::Copies((updates / (OFTEN * places)).clamp(2, MOST_COPIES), if places < CLOSE { LANES } else { 1 })
        } else if places.saturating_mul(a.size()) >= BEYOND_CACHES || (loops.is_none() && places >= FEW) {
            buckets()
        } else {
            Way::InOrder
        };
        // A place within a bucket is 32 bits.
        let way = if matches!(way, Way::Buckets(shift) if shift > 31) { Way::InOrder } else { way };
        Ok(Some(Scatter {
            function,
            op,
            types: [a, b],
            numbers,
            in_place: true,
            sizes: [a.size(), b.size()],
            places,
            updates,
            row,
            own,
            way,
            among: 1,
        }))
    }

    /// The same for so many threads, where they change no bits: of updates in order each does those of a range of places.
    pub fn among(self, threads: usize) -> Scatter {
        let among = if self.updates < FEW { 1 } else { threads.min(MOST_THREADS).min(self.places).max(1) };
        Scatter { among, ..self }
    }

    /// The same with results in another place than the elements are.
    pub fn elsewhere(self) -> Scatter {
        Scatter { in_place: false, ..self }
    }

    /// The way that updates go.
    pub fn way(&self) -> Way {
        self.way
    }

    /// Whether there is a row of values for each update.
    pub fn own(&self) -> bool {
        self.own
    }

    /// In order, whatever was chosen: where there is no memory for more. Only for ways that give the same bits.
    ///
    /// # Panics
    ///
    /// Where the way is that of copies.
    pub fn in_order(mut self) -> Scatter {
        assert!(!matches!(self.way, Way::Copies(..)), "copies have an order of their own");
        self.way = if self.row > 1 { Way::Rows(1) } else { Way::InOrder };
        self
    }

    /// The value of update `i`.
    fn value(&self, b: *const u8, i: usize) -> *const u8 {
        if self.own { b.wrapping_add(i * self.row * self.sizes[1]) } else { b }
    }

    /// `body` of the places of updates in `range`, block by block, with the number of the first.
    fn blocks(range: Range<usize>, read: &dyn Fn(usize, &mut [usize]), mut body: impl FnMut(usize, &[usize])) {
        let mut places = [0; BLOCK];
        for first in range.clone().step_by(BLOCK) {
            let places = &mut places[..BLOCK.min(range.end - first)];
            read(first, places);
            body(first, places);
        }
    }

    /// Updates `a[places[i]]` by value `i`, for places of one element.
    ///
    /// # Safety
    ///
    /// Elements at `a` at all places; values at `b`, one for each or one; the two do not overlap.
    unsafe fn each<P: Index>(
        &self,
        a: *mut u8,
        places: &[P],
        b: *const u8,
        loops: impl Fn(&Loops) -> kernels::EachFn<P>,
    ) {
        let apart = usize::from(self.own);
        // SAFETY: the caller's promise.
        unsafe {
            match &self.function {
                Function::Loops(all) => loops(all)(a, places, b, apart),
                Function::Step(step) => batches(step, self.sizes, a, places, |i| b.add(i * apart * self.sizes[1])),
            }
        }
    }

    /// Updates `a[places[i]]` by value number `which[i]` of `b`.
    ///
    /// # Safety
    ///
    /// As [`Scatter::each`], with values of all numbers that there are.
    unsafe fn picked(&self, a: *mut u8, (places, which): (&[usize], &[usize]), b: *const u8) {
        let apart = usize::from(self.own);
        // SAFETY: the caller's promise.
        unsafe {
            match &self.function {
                Function::Loops(all) => (all.picked)(a, places, which, b, apart),
                Function::Step(step) => {
                    batches(step, self.sizes, a, places, |i| b.add(which[i] * apart * self.sizes[1]));
                }
            }
        }
    }

    /// Number of the ranges that the first loop over updates has, in each of which they are done by one thread: of copies, of ranges of
    /// places, or 1.
    pub fn ranges(&self) -> usize {
        match self.way {
            Way::Copies(copies, _) => copies,
            Way::Rows(ranges) => ranges,
            Way::InOrder => self.among,
            Way::Buckets(_) => 1,
        }
    }

    /// Memory traffic that takes as long as one range does, in bytes.
    pub fn range_bytes(&self) -> usize {
        let all = self.updates.saturating_mul(self.row).saturating_mul(2 * self.sizes[0]);
        all / self.ranges()
    }

    /// Does the updates of one range, in order. `read` puts places from a number on into what it is given.
    ///
    /// # Safety
    ///
    /// All elements at `a`, all values at `b`; the two do not overlap, and nobody else touches the places of this range.
    ///
    /// # Panics
    ///
    /// Where `read` gives a place that there is not.
    pub unsafe fn direct(&self, a: *mut u8, b: *const u8, range: usize, read: &dyn Fn(usize, &mut [usize])) {
        let ranges = self.ranges();
        let (low, high) = (self.places * range / ranges, self.places * (range + 1) / ranges);
        // Places are picked where several threads each have a range of them.
        let mut within = (self.row == 1 && ranges > 1).then(Within::new);
        Self::blocks(0..self.updates, read, |first, places| {
            self.check(places);
            if let Some(within) = &mut within {
                within.pick(places, low..high);
                // SAFETY: places that were checked, of this range; numbers are those of a block of updates.
                unsafe { self.picked(a, within.found(), self.value(b, first)) }
                return;
            }
            if self.row == 1 {
                // SAFETY: places were checked; one range is all of them.
                unsafe { self.each(a, places, self.value(b, first), |loops| loops.each) }
                return;
            }
            for (i, &place) in places.iter().enumerate() {
                if (low..high).contains(&place) {
                    let to = a.wrapping_add(place * self.row * self.sizes[0]);
                    // SAFETY: a row of the elements, which is of this range, and a row of values.
                    unsafe {
                        match &self.function {
                            Function::Loops(loops) => (loops.row)(to, self.value(b, first + i), self.row),
                            Function::Step(step) => step.rows(to, self.value(b, first + i), self.row),
                        }
                    }
                }
            }
        });
    }

    fn check(&self, places: &[usize]) {
        assert!(places::below(places, self.places), "a place that there is not");
    }

    /// Accumulators of one copy, and bytes of all of them.
    pub fn accumulators(&self) -> (usize, usize) {
        match (self.way, &self.function) {
            (Way::Copies(copies, lanes), Function::Loops(loops)) => {
                (lanes * self.places, copies * lanes * self.places * loops.acc)
            }
            _ => (0, 0),
        }
    }

    /// Joins the updates of one copy into its accumulators.
    ///
    /// # Safety
    ///
    /// `accs` takes the accumulators of all copies, and nobody else touches those of this one; all values at `b`.
    ///
    /// # Panics
    ///
    /// As [`Scatter::direct`].
    pub unsafe fn gather(&self, accs: *mut u8, b: *const u8, copy: usize, read: &dyn Fn(usize, &mut [usize])) {
        let (Way::Copies(copies, lanes), Function::Loops(loops)) = (self.way, &self.function) else { return };
        let accs = accs.wrapping_add(copy * lanes * self.places * loops.acc);
        // SAFETY: the accumulators of this copy.
        unsafe { (loops.neutral)(accs, lanes * self.places) }
        let stretch = self.updates.div_ceil(copies);
        let range = (copy * stretch).min(self.updates)..((copy + 1) * stretch).min(self.updates);
        Self::blocks(range, read, |first, places| {
            self.check(places);
            let (value, step) = (self.value(b, first), usize::from(self.own));
            // SAFETY: places were checked; values of these updates.
            unsafe { (loops.gather)(accs, self.places, lanes, places, value, step) }
        });
    }

    /// Joins the copies' accumulators of some places to their elements.
    ///
    /// # Safety
    ///
    /// All elements at `a`, of which nobody else touches these; `accs` was written by [`Scatter::gather`], for every copy.
    pub unsafe fn merge(&self, a: *mut u8, accs: *const u8, places: Range<usize>) {
        let (Way::Copies(copies, lanes), Function::Loops(loops)) = (self.way, &self.function) else { return };
        assert!(places.end <= self.places);
        let (a, accs) = (a.wrapping_add(places.start * self.sizes[0]), accs.wrapping_add(places.start * loops.acc));
        // SAFETY: sets of accumulators follow each other, each of as many as there are places.
        unsafe { (loops.merge)(a, accs, self.places, copies * lanes, places.len()) }
    }

    /// Updates that are dealt together, those of one piece, and the number of buckets.
    pub fn dealing(&self) -> (usize, usize, usize) {
        let Way::Buckets(shift) = self.way else { return (0, 0, 0) };
        // A bucket that is changed where it is not may be begun anew, so that all of its updates are dealt at once.
        let most = if self.in_place { (self.places / SPREAD).clamp(DEALT.start, DEALT.end) } else { usize::MAX };
        let together = most.min(self.updates);
        (together, PIECE, ((self.places - 1) >> shift) + 1)
    }

    /// Deals the updates of one piece of the chunk that begins with update `start`.
    ///
    /// # Safety
    ///
    /// `dealt` has room for the chunk, and nobody else touches what belongs to this piece; all values at `b`; `read` gives the same
    /// places whenever it is asked.
    ///
    /// # Panics
    ///
    /// As [`Scatter::direct`].
    pub unsafe fn deal(
        &self,
        dealt: Dealt,
        b: *const u8,
        start: usize,
        piece: usize,
        read: &dyn Fn(usize, &mut [usize]),
    ) {
        let (Way::Buckets(shift), (together, most, buckets)) = (self.way, self.dealing()) else { return };
        let first = start + piece * most;
        let range = first..(first + most).min(start + together).min(self.updates);
        let mut next = vec![0u32; buckets];
        Self::blocks(range.clone(), read, |_, places| {
            self.check(places);
            kernels::count(places, shift, &mut next);
        });
        // SAFETY: this piece's numbers, as many as there are buckets and one more.
        let firsts = unsafe { std::slice::from_raw_parts_mut(dealt.firsts.add(piece * (buckets + 1)), buckets + 1) };
        let mut sum = 0;
        for (first, next) in firsts.iter_mut().zip(&mut next) {
            *first = sum;
            sum += std::mem::replace(next, sum);
        }
        firsts[buckets] = sum;
        let (near, values) =
            (dealt.near.wrapping_add(piece * most), dealt.values.wrapping_add(piece * most * self.sizes[1]));
        Self::blocks(range, read, |first, places| {
            self.check(places);
            let value = (self.value(b, first), usize::from(self.own), self.sizes[1]);
            // SAFETY: a bucket's updates are as many as were counted, since `read` gives the same places again.
            unsafe { kernels::deal(places, shift, &mut next, (near, values), value) }
        });
    }

    /// Does the dealt updates of one bucket, in order.
    ///
    /// # Safety
    ///
    /// All elements at `a`, of which nobody else touches those of this bucket; all values at `b`; `dealt` was written by [`Scatter::deal`], for every one of
    /// `pieces` pieces.
    pub unsafe fn bucket(&self, a: *mut u8, b: *const u8, dealt: Dealt, pieces: usize, bucket: usize) {
        let (Way::Buckets(shift), (together, most, buckets)) = (self.way, self.dealing()) else { return };
        let a = a.wrapping_add((bucket << shift) * self.sizes[0]);
        let there = (1usize << shift).min(self.places - (bucket << shift));
        for piece in 0..pieces {
            // SAFETY: what `deal` has written of this piece; places of the bucket are below the number of places, as it checked.
            unsafe {
                let firsts = dealt.firsts.add(piece * (buckets + 1) + bucket);
                let (from, to) = (firsts.read() as usize, firsts.add(1).read() as usize);
                let count = most.min(together - (piece * most).min(together));
                assert!(from <= to && to <= count, "updates {from}..{to} of a piece of {count}");
                let near = std::slice::from_raw_parts(dealt.near.add(piece * most + from), to - from);
                let beyond = near.iter().fold(0, |most, &place| most.max(place)) as usize;
                assert!(near.is_empty() || beyond < there, "place {beyond} of the {there} of a bucket");
                let dealt = dealt.values.wrapping_add((piece * most + from) * self.sizes[1]).cast_const();
                self.each(a, near, if self.own { dealt } else { b }, |loops| loops.each_near);
            }
        }
    }
}

/// Updates by a function that has kernels over strips only: as many together as have different places.
///
/// # Safety
///
/// As [`Scatter::each`].
unsafe fn batches<P: Index>(
    step: &Step,
    sizes: [usize; 2],
    a: *mut u8,
    places: &[P],
    value: impl Fn(usize) -> *const u8,
) {
    const BATCH: usize = 64;
    let mut room = [const { std::mem::MaybeUninit::<super::stream::Line<[u64; 2 * BATCH]>>::uninit() }; 2];
    let [left, right] = room.each_mut().map(|strip| strip.as_mut_ptr().cast::<u8>());
    let mut start = 0;
    while start < places.len() {
        // A bit for each of 4096 classes of places: two of one class are not done together.
        let mut seen = [0u64; 64];
        let rest = &places[start..places.len().min(start + BATCH)];
        let different = |place: &&P| {
            let class = place.index() % 4096;
            let fresh = seen[class / 64] >> (class % 64) & 1 == 0;
            seen[class / 64] |= 1 << (class % 64);
            fresh
        };
        let n = rest.iter().take_while(different).count();
        // SAFETY: elements and values as the caller says, of which as many are moved as a strip takes; places differ.
        unsafe {
            for (i, place) in rest[..n].iter().enumerate() {
                copy(a.add(place.index() * sizes[0]), left.add(i * sizes[0]), sizes[0]);
                copy(value(start + i), right.add(i * sizes[1]), sizes[1]);
            }
            step.rows(left, right, n);
            for (i, place) in rest[..n].iter().enumerate() {
                copy(left.add(i * sizes[0]), a.add(place.index() * sizes[0]), sizes[0]);
            }
        }
        start += n;
    }
}

/// Copies one element of 1, 2, 4, 8 or 16 bytes.
///
/// # Safety
///
/// It may be read, and written.
#[inline(always)]
unsafe fn copy(from: *const u8, to: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            1 => to.write(from.read()),
            2 => to.cast::<u16>().write_unaligned(from.cast::<u16>().read_unaligned()),
            4 => to.cast::<u32>().write_unaligned(from.cast::<u32>().read_unaligned()),
            8 => to.cast::<u64>().write_unaligned(from.cast::<u64>().read_unaligned()),
            _ => to.cast::<[u64; 2]>().write_unaligned(from.cast::<[u64; 2]>().read_unaligned()),
        }
    }
}
