//! Runs described kernels: on the calling thread where they are small, else as jobs that the hub's threads and engine processes share, one
//! for each phase.
//!
//! An engine process is sent the description, the places of the operands and of the scratch memory in the segment, and which phase it is. It
//! checks all of them, and then runs the units of the chunks that it claims. What a board does not hold lies in a block of its own. Operands
//! that lie in [`pieces`] are gathered unit by unit.

mod pieces;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::array::blocks::placement::{Deal, Order, Placed};
use crate::array::storage::store::Store;
use crate::cluster::{ChunkRunner, Hub, Job, JobKind, MAX_CHUNKS, MAX_PAYLOAD, Remote};
use crate::error::{Error, Result, panic_message};
use crate::transport::Segment;
use kernels::work::pieces::{Gathering, Pieces, Source};
use kernels::work::wire::{Reader, Writer};
use kernels::work::{Access, Extent, Operand, Operands, Phase, Room, Verdict, Work, decode};

/// Below this much memory traffic the calling thread does all of it: posting a job would not pay.
const INLINE_BELOW: usize = 256 << 10;
/// Memory traffic of a chunk, as a rule.
const CHUNK: usize = 512 << 10;
const KIND: &str = "array.work";
/// The first word of a payload whose rest lies in a block.
const ELSEWHERE: u64 = u64::MAX;
/// Most phases that leave scratch memory, and most operands, of a description that is sent.
const MOST_ROOMS: usize = 16;
const MOST_OPERANDS: usize = 1024;
/// Most bytes of a description.
const MOST_BYTES: usize = 1 << 24;

/// Memory with the alignment of a block.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(in crate::array) struct Line(#[expect(dead_code, reason = "only its place is used")] pub(in crate::array) [u8; 64]);

/// Scratch memory of a phase.
enum Scratch {
    None,
    Block(Store),
    /// What engine processes do not see.
    Private(Vec<Line>),
}

impl Scratch {
    /// Where the pool is full, memory of this process serves: what exists can still be reduced.
    fn new(hub: &Hub, bytes: usize) -> Result<Scratch> {
        match bytes {
            0 => Ok(Scratch::None),
            _ => match Store::new(hub, bytes) {
                Ok(store) => Ok(Scratch::Block(store)),
                Err(Error::OutOfMemory { .. }) if bytes <= PRIVATE => {
                    Ok(Scratch::Private(vec![Line([0; 64]); bytes.div_ceil(64)]))
                }
                Err(error) => Err(error),
            },
        }
    }

    fn room(&mut self, len: usize) -> Room {
        let at = match self {
            Scratch::None => std::ptr::null_mut(),
            Scratch::Block(store) => store.base(),
            Scratch::Private(lines) => lines.as_mut_ptr().cast(),
        };
        Room { at, len }
    }
}

/// Most bytes of scratch memory that are taken from elsewhere where the pool is full.
const PRIVATE: usize = 64 << 20;

/// A work with its operands and scratch memory, as the threads of this process run it.
struct Run<'a> {
    work: &'a dyn Work,
    operands: At<'a>,
    rooms: Vec<Room>,
}

/// Where the operands of a work are.
#[derive(Clone, Copy)]
enum At<'a> {
    /// Each is all there.
    Pointers(&'a [*mut u8]),
    /// Some lie in pieces.
    Sources(&'a [Source<'a>]),
}

impl At<'_> {
    /// Calls `f` with the operands; what is copied for it is kept until it returns.
    ///
    /// # Safety
    /// Sources may be read, and nobody writes them.
    unsafe fn with<R>(self, f: impl FnOnce(&dyn Operands) -> R) -> R {
        match self {
            At::Pointers(pointers) => f(&pointers),
            // SAFETY: the caller's promise.
            At::Sources(sources) => f(&unsafe { Gathering::new(sources) }),
        }
    }
}

// SAFETY: the pointers are dereferenced by `Work::run` and by what gathers pieces for it, whose contract for units that run at the same time
// `run`'s caller has accepted.
unsafe impl Sync for Run<'_> {}

impl Run<'_> {
    /// # Safety
    /// As [`Work::run`], for these units of the phase.
    unsafe fn units(&self, nth: usize, units: std::ops::Range<usize>) {
        for unit in units {
            // SAFETY: the caller's promise.
            unsafe { self.operands.with(|operands| self.work.run(nth, unit, operands, &self.rooms)) }
        }
    }
}

/// Runs a work to its end. Chunks are dealt to engines by the blocks of the array `placed`.
///
/// # Errors
/// [`Error::Panicked`] where a user's function did; [`Error::OutOfMemory`] for scratch memory; those of [`Hub::run`].
///
/// # Safety
/// One pointer for each operand of the work, aligned for its type and valid over its extent during the call; nobody else writes the operands
/// that are read or touches those that are written meanwhile, and the latter overlap nothing.
pub(in crate::array) unsafe fn run(
    hub: &Hub,
    name: &'static str,
    work: &dyn Work,
    operands: &[*mut u8],
    placed: Option<&Placed>,
) -> Result<Verdict> {
    // SAFETY: the caller's promise.
    unsafe { run_at(hub, name, work, At::Pointers(operands), placed) }
}

/// [`run`], where operands that are read may lie in pieces.
///
/// # Errors
/// Those of [`run`].
///
/// # Safety
/// As [`run`]; pieces are aligned and valid over what they reach during the call.
pub(in crate::array) unsafe fn run_sources(
    hub: &Hub,
    name: &'static str,
    work: &dyn Work,
    sources: &[Source<'_>],
    placed: Option<&Placed>,
) -> Result<Verdict> {
    // SAFETY: the caller's promise.
    unsafe { run_at(hub, name, work, At::Sources(sources), placed) }
}

/// Runs all phases.
///
/// # Safety
/// As [`run_sources`].
unsafe fn run_at(
    hub: &Hub,
    name: &'static str,
    work: &dyn Work,
    operands: At<'_>,
    placed: Option<&Placed>,
) -> Result<Verdict> {
    hub.check_home()?;
    let described = work.operands();
    let count = match operands {
        At::Pointers(pointers) => pointers.len(),
        At::Sources(sources) => sources.len(),
    };
    assert_eq!(described.len(), count, "a place for each operand of {name}");
    let places = if hub.shares_with_processes() { places(hub, &described, operands) } else { None };
    let mut scratch: Vec<Scratch> = Vec::new();
    let mut state = Run { work, operands, rooms: Vec::new() };
    let mut nth = 0;
    // SAFETY: the phases before have run.
    while let Some(phase) = unsafe { operands.with(|operands| work.phase(nth, operands, &state.rooms)) } {
        let mut memory = Scratch::new(hub, phase.scratch)?;
        let room = memory.room(phase.scratch);
        if phase.zeroed > 0 {
            // SAFETY: the beginning of a fresh room.
            unsafe { room.at.write_bytes(0, phase.zeroed.min(room.len)) }
        }
        scratch.push(memory);
        state.rooms.push(room);
        one_phase(hub, name, &state, (nth, &phase), &scratch, places.as_deref(), placed)?;
        nth += 1;
    }
    // SAFETY: all phases have run.
    Ok(unsafe { work.verdict(&state.rooms) })
}

/// Runs one phase.
fn one_phase(
    hub: &Hub,
    name: &'static str,
    run: &Run<'_>,
    (nth, phase): (usize, &Phase),
    scratch: &[Scratch],
    places: Option<&[u64]>,
    placed: Option<&Placed>,
) -> Result<()> {
    let &Phase { units, bytes, most, .. } = phase;
    if units == 0 {
        return Ok(());
    }
    if units == 1 || units.saturating_mul(bytes) < INLINE_BELOW {
        // SAFETY: the promise of `run`'s caller.
        return catch_unwind(AssertUnwindSafe(|| unsafe { run.units(nth, 0..units) }))
            .map_err(|payload| Error::panicked(name, payload));
    }
    let grain = (CHUNK / bytes.max(1)).clamp(1, most).max(units.div_ceil(MAX_CHUNKS as usize));
    let traffic = units.saturating_mul(bytes);
    let chunks = units.div_ceil(grain) as u32;
    let mut deal = Deal::new(hub.engines(), traffic, (run.work, nth), (units, grain), placed);
    let describe =
        |deal: &Deal| places.and_then(|places| describe(hub, run, (nth, grain, units), deal, places, scratch));
    let mut described = describe(&deal);
    if !deal.runs.is_empty() && described.as_ref().is_some_and(|words| words.len() > MAX_PAYLOAD) {
        // It would take a block, which a full pool has not: equal shares need no runs.
        deal = Deal::even(hub.engines(), chunks as usize);
        described = describe(&deal);
    }
    let order = deal.order(chunks);
    let local = |turn: u32| {
        let first = order.chunk(turn) as usize * grain;
        // SAFETY: the promise of `run`'s caller; the board hands out each turn once at a time, and each chunk has one.
        unsafe { run.units(nth, first..(first + grain).min(units)) }
    };
    let (payload, _block) = match described {
        Some(payload) => posted(hub, payload)?,
        None => (None, None),
    };
    let remote = payload.as_deref().map(|payload| Remote { kind: KIND, payload });
    hub.run(&Job { name, chunks, bytes: traffic as u64, lanes: &deal.lanes, closure: false, local: &local, remote })
}

/// Where operands are in the segment; `None` where one is not there.
fn places(hub: &Hub, described: &[Operand], operands: At<'_>) -> Option<Vec<u64>> {
    let segment = hub.pool().segment();
    let base = segment.base().as_ptr().addr() as i128;
    let place = |operand: &Operand, at: *mut u8| {
        if operand.extent.is_empty() {
            return Some(0);
        }
        let at = at.addr() as i128 - base;
        let within = at + operand.extent.low as i128 >= 0 && at + operand.extent.high as i128 <= segment.len() as i128;
        // An operand that runs backwards may begin at the segment's very end, never behind it.
        if within { u64::try_from(at).ok() } else { None }
    };
    let source = |(operand, source): (&Operand, &Source<'_>)| match *source {
        Source::At(at) => place(operand, at),
        Source::Pieces(all) => {
            pieces::lie_in(all, segment.base().as_ptr().addr(), segment.len()).then_some(pieces::IN_PIECES)
        }
    };
    match operands {
        At::Pointers(pointers) => described.iter().zip(pointers).map(|(operand, &at)| place(operand, at)).collect(),
        At::Sources(sources) => described.iter().zip(sources).map(source).collect(),
    }
}

/// What an engine process needs to run chunks of a phase; `None` where it cannot.
fn describe(
    hub: &Hub,
    run: &Run<'_>,
    (nth, grain, units): (usize, usize, usize),
    deal: &Deal,
    places: &[u64],
    scratch: &[Scratch],
) -> Option<Vec<u8>> {
    let base = hub.pool().segment().base().as_ptr().addr();
    let mut words = Writer::new();
    words.word(nth as u64);
    words.word(grain as u64);
    words.word(units as u64);
    words.list(&deal.runs, |(first, count)| u64::from(first) << 32 | u64::from(count));
    words.list(places, |place| place);
    if let At::Sources(sources) = run.operands {
        pieces::write(&mut words, sources, base);
    }
    words.word(scratch.len() as u64);
    for room in scratch {
        let (place, len) = match room {
            Scratch::None => (0, 0),
            Scratch::Block(store) => (store.base().addr() - base, store.len()),
            Scratch::Private(_) => return None,
        };
        words.word(place as u64);
        words.word(len as u64);
    }
    run.work.encode(&mut words).then(|| words.finish())
}

/// The payload, or one that says where it lies, with the block that it lies in.
fn posted(hub: &Hub, payload: Vec<u8>) -> Result<(Option<Vec<u8>>, Option<Store>)> {
    if payload.len() <= MAX_PAYLOAD {
        return Ok((Some(payload), None));
    }
    let store = match Store::new(hub, payload.len()) {
        Ok(store) if payload.len() <= MOST_BYTES => store,
        // This process's threads compute it.
        Ok(_) | Err(Error::OutOfMemory { .. }) => return Ok((None, None)),
        Err(error) => return Err(error),
    };
    // SAFETY: a fresh block of as many bytes, which nobody else has.
    unsafe { std::ptr::copy_nonoverlapping(payload.as_ptr(), store.base(), payload.len()) };
    let place = store.base().addr() - hub.pool().segment().base().as_ptr().addr();
    let mut words = Writer::new();
    words.word(ELSEWHERE);
    words.word(place as u64);
    words.word(payload.len() as u64);
    words.word(u64::from(crc32fast::hash(&payload)));
    Ok((Some(words.finish()), Some(store)))
}

inventory::submit! { JobKind { name: KIND, prepare } }

/// Reads a payload in an engine process.
fn prepare(payload: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner> {
    // A description that asks a kind of work for what it cannot do is refused as others are.
    catch_unwind(AssertUnwindSafe(|| prepared(payload, segment)))
        .unwrap_or_else(|payload| Err(Error::frame(panic_message(&*payload))))
}

fn prepared(payload: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner> {
    let mut words = Reader::new(payload);
    if words.clone().word()? != ELSEWHERE {
        return runner(payload, segment);
    }
    words.word()?;
    let (place, len) = (words.word()?, words.number("bytes of a description", MOST_BYTES)?);
    let at = within(segment, place, 0, len as i128, 1)?;
    let mut copy = vec![0u8; len];
    // SAFETY: inside the segment, which is mapped. The block is written before the job is posted, and kept until it is over; should it be
    // over, what is copied is of no use, which its checksum tells.
    unsafe { std::ptr::copy_nonoverlapping(at.cast_const(), copy.as_mut_ptr(), len) };
    let checksum = words.word()?;
    if u64::from(crc32fast::hash(&copy)) != checksum {
        return Err(Error::frame(format!("a description of {len} bytes whose checksum is not {checksum:#x}")));
    }
    runner(&copy, segment)
}

/// The pointer to what a peer says to lie `place` bytes into the segment: an error where the bytes from `low` to `high` from there are not
/// all inside, or it is not aligned.
pub(in crate::array) fn within(segment: &Segment, place: u64, low: i128, high: i128, align: u64) -> Result<*mut u8> {
    let (first, length) = (i128::from(place), segment.len() as i128);
    if first + low < 0 || first + high > length || first > length || !place.is_multiple_of(align) {
        let (from, to) = (first + low, first + high);
        return Err(Error::frame(format!("an operand at {from}..{to} of a segment of {length} bytes")));
    }
    Ok(segment.base().as_ptr().wrapping_add(place as usize))
}

/// Reads a description: every operand and room must stay in the segment, whatever the bytes say.
fn runner(bytes: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner> {
    let mut words = Reader::new(bytes);
    let nth = words.number("phases", MOST_ROOMS)?;
    let most = isize::MAX as usize;
    let (grain, units) = (words.number("units of a chunk", most)?, words.number("units", most)?);
    let runs = words.list("runs of chunks", |words| words.word().map(|run| ((run >> 32) as u32, run as u32)))?;
    let places = words.list("operands", Reader::word)?;
    if places.len() > MOST_OPERANDS {
        return Err(Error::frame(format!("{} operands", places.len())));
    }
    let in_pieces = places.iter().filter(|&&place| place == pieces::IN_PIECES);
    let mut in_pieces = in_pieces.map(|_| pieces::read(&mut words, segment)).collect::<Result<Vec<_>>>()?.into_iter();
    let mut rooms = Vec::new();
    for _ in 0..words.number("rooms", MOST_ROOMS)? {
        let (place, len) = (words.word()?, words.number("bytes of a room", segment.len())?);
        rooms.push(Room { at: within(segment, place, 0, len as i128, 64)?, len });
    }
    let work = decode(&mut words)?;
    if !words.is_empty() || grain == 0 || rooms.len() != nth + 1 {
        return Err(Error::frame(format!("a description of phase {nth} with {} rooms", rooms.len())));
    }
    let chunks = u32::try_from(units.div_ceil(grain)).ok().filter(|&chunks| chunks <= MAX_CHUNKS);
    let Some(order) = chunks.and_then(|chunks| Order::new(&runs, chunks)) else {
        return Err(Error::frame(format!("{} runs of chunks of {grain} of {units} units", runs.len())));
    };
    let described = work.operands();
    if described.len() != places.len() {
        return Err(Error::frame(format!("{} places of {} operands", places.len(), described.len())));
    }
    let mut operands = Vec::with_capacity(places.len());
    for (operand, place) in described.iter().zip(places) {
        if place == pieces::IN_PIECES
            && let Some(all) = in_pieces.next()
        {
            pieces::check(operand, &all)?;
            operands.push(Mine::Pieces(all));
            continue;
        }
        let align = operand.dtype.size().min(8) as u64;
        let at = within(segment, place, operand.extent.low as i128, operand.extent.high as i128, align)?;
        operands.push(Mine::At(at));
    }
    apart(&described, &operands, &rooms)?;
    let mapped = Mapped { _segment: segment.clone(), work, operands, rooms };
    for phase in 0..=nth {
        // SAFETY: operands and rooms lie in the segment; kinds of work look at the lengths of rooms, and at what lies in them, themselves.
        let told = unsafe { mapped.with(|operands| mapped.work.phase(phase, operands, &mapped.rooms[..phase])) };
        let fits = |told: &Phase| told.scratch <= mapped.rooms[phase].len && (phase < nth || told.units == units);
        if !told.as_ref().is_some_and(fits) {
            return Err(Error::frame(format!("phase {phase} of {units} units: {told:?}, in rooms {:?}", mapped.rooms)));
        }
    }
    Ok(Box::new(move |turn| mapped.run(nth, order.chunk(turn) as usize, grain, units)))
}

/// Nothing may overlap a room or an operand that is written.
fn apart(described: &[Operand], operands: &[Mine], rooms: &[Room]) -> Result<()> {
    let range = |at: *mut u8, extent: Extent, written: bool| {
        let end = |offset: isize| at.addr().wrapping_add_signed(offset);
        (end(extent.low), end(extent.high), written)
    };
    let of_room = |room: &Room| (room.at.addr(), room.at.addr() + room.len, true);
    let mut ranges: Vec<_> = rooms.iter().map(of_room).collect();
    for (operand, mine) in described.iter().zip(operands) {
        match mine {
            Mine::At(at) => ranges.push(range(*at, operand.extent, operand.access == Access::Write)),
            Mine::Pieces(all) => ranges.extend(all.extents()?.into_iter().map(|(at, reach)| range(at, reach, false))),
        }
    }
    ranges.retain(|(from, to, _)| from < to);
    ranges.sort_unstable();
    // Where the bytes end that are read so far, and those that are written.
    let (mut read, mut written) = (0, 0);
    for (from, to, exclusive) in ranges {
        if from < written || (exclusive && from < read) {
            return Err(Error::frame("operands that are written, or rooms, overlap others"));
        }
        let end = if exclusive { &mut written } else { &mut read };
        *end = to.max(*end);
    }
    Ok(())
}

/// Where an operand is in this process.
enum Mine {
    At(*mut u8),
    Pieces(Pieces),
}

/// A work and where its operands and rooms are in this process.
struct Mapped {
    _segment: Arc<Segment>,
    work: Box<dyn Work>,
    operands: Vec<Mine>,
    rooms: Vec<Room>,
}

// SAFETY: the pointers point into the segment, which is kept, and are dereferenced by `Work::run` alone.
unsafe impl Send for Mapped {}
// SAFETY: as for `Send`; chunks are claimed, so no two threads run the same one.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn run(&self, nth: usize, chunk: usize, grain: usize, units: usize) {
        let first = chunk.saturating_mul(grain);
        for unit in first..first.saturating_add(grain).min(units) {
            // SAFETY: `runner` checked that every operand and room lies in the segment, which is mapped as long as it is kept; that nobody
            // else writes there is the hub's doing: it owns the pool and posts jobs on unpublished blocks.
            unsafe { self.with(|operands| self.work.run(nth, unit, operands, &self.rooms)) }
        }
    }

    /// Calls `f` with the operands.
    ///
    /// # Safety
    /// Nobody writes those that lie in pieces meanwhile.
    unsafe fn with<R>(&self, f: impl FnOnce(&dyn Operands) -> R) -> R {
        let source = |mine| match mine {
            &Mine::At(at) => Source::At(at),
            Mine::Pieces(all) => Source::Pieces(all),
        };
        let sources: SmallVec<[Source<'_>; 8]> = self.operands.iter().map(source).collect();
        // SAFETY: `runner` checked that all pieces lie in the segment, aligned; the rest is the caller's promise.
        unsafe { At::Sources(&sources).with(f) }
    }
}
