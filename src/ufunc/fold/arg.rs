//! Where the extreme is: the first place of the smallest or largest value, or of the first NaN. 0.0 is larger than -0.0.

use super::reducers::Bounded;
use crate::{DType, Fold};

/// The loops that find extremes of one type. Places are counted as the caller says.
#[derive(Debug)]
pub(super) struct Finder {
    /// Position of the first of `n` values that is `value`, or NaN where `value` is.
    pub position: unsafe fn(x: *const u8, n: usize, value: *const u8) -> usize,
    /// Takes `n` values and places over where they are better than those before.
    pub merge: unsafe fn(values: *mut u8, places: *mut u64, later: *const u8, later_places: *const u64, n: usize),
    /// The same for a row of `n` values, all of one place.
    pub row: unsafe fn(values: *mut u8, places: *mut u64, x: *const u8, place: u64, n: usize),
}

#[inline(always)]
fn better<T: Bounded, const MAX: bool>(later: T, earlier: T) -> bool {
    let beyond = if MAX { later.above(earlier) } else { earlier.above(later) };
    beyond || (later.nan() && !earlier.nan())
}

unsafe fn position<T: Bounded>(x: *const u8, n: usize, value: *const u8) -> usize {
    // SAFETY: `x` is valid for `n` values and `value` for one (contract of `Finder`).
    let (values, value) = unsafe { (std::slice::from_raw_parts(x.cast::<T>(), n), value.cast::<T>().read()) };
    let found =
        if value.nan() { values.iter().position(|x| x.nan()) } else { values.iter().position(|x| x.same(value)) };
    found.unwrap_or(0)
}

unsafe fn merge<T: Bounded, const MAX: bool>(
    values: *mut u8,
    places: *mut u64,
    later: *const u8,
    later_places: *const u64,
    n: usize,
) {
    // SAFETY: all are valid for `n`, and those written overlap none that are read (contract of `Finder`).
    let (values, places, later, later_places) = unsafe {
        (
            std::slice::from_raw_parts_mut(values.cast::<T>(), n),
            std::slice::from_raw_parts_mut(places, n),
            std::slice::from_raw_parts(later.cast::<T>(), n),
            std::slice::from_raw_parts(later_places, n),
        )
    };
    for i in 0..n {
        let take = better::<T, MAX>(later[i], values[i]);
        values[i] = if take { later[i] } else { values[i] };
        places[i] = if take { later_places[i] } else { places[i] };
    }
}

unsafe fn row<T: Bounded, const MAX: bool>(values: *mut u8, places: *mut u64, x: *const u8, place: u64, n: usize) {
    // SAFETY: all are valid for `n`, and those written overlap none that are read (contract of `Finder`).
    let (values, places, x) = unsafe {
        (
            std::slice::from_raw_parts_mut(values.cast::<T>(), n),
            std::slice::from_raw_parts_mut(places, n),
            std::slice::from_raw_parts(x.cast::<T>(), n),
        )
    };
    for i in 0..n {
        let take = better::<T, MAX>(x[i], values[i]);
        values[i] = if take { x[i] } else { values[i] };
        places[i] = if take { place } else { places[i] };
    }
}

impl Finder {
    const fn of<T: Bounded, const MAX: bool>() -> Finder {
        Finder { position: position::<T>, merge: merge::<T, MAX>, row: row::<T, MAX> }
    }
}

/// What a fold to the place of an extreme needs besides its reducer.
pub(super) fn finder(fold: Fold, dtype: DType) -> Option<&'static Finder> {
    macro_rules! finder {
        ($max:literal) => {{
            macro_rules! of {
                ($t:ty) => {{
                    const FINDER: &Finder = &Finder::of::<$t, $max>();
                    Some(FINDER)
                }};
            }
            match dtype {
                DType::Bool | DType::U8 => of!(u8),
                DType::U16 => of!(u16),
                DType::U32 => of!(u32),
                DType::U64 => of!(u64),
                DType::I8 => of!(i8),
                DType::I16 => of!(i16),
                DType::I32 => of!(i32),
                DType::I64 => of!(i64),
                DType::F32 => of!(f32),
                DType::F64 => of!(f64),
                DType::C32 | DType::C64 | DType::F16 | DType::BF16 => None,
            }
        }};
    }
    match fold {
        Fold::ArgMin => finder!(false),
        Fold::ArgMax => finder!(true),
        _ => None,
    }
}
