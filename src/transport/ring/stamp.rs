//! The word that publishes a record: the lap it belongs to, its length, and a check byte over both.

/// The longest record that a stamp can state.
pub(super) const MAX_LENGTH: usize = (1 << 24) - 1;

/// What a stamp says to who expects a certain lap at its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A record of so many bytes.
    Record(usize),
    /// An earlier lap's: nothing is published here yet.
    Old,
    /// No producer writes this.
    Corrupt,
}

/// The stamp of a record of `length` bytes: lap in the upper half, check byte, length in the lower 24 bits.
#[inline]
pub(super) fn make(lap: u32, length: usize) -> u64 {
    debug_assert!(length <= MAX_LENGTH);
    let bare = u64::from(lap) << 32 | length as u64;
    bare | check(bare) << 24
}

/// Reads a stamp found where `lap` is expected.
#[inline]
pub(super) fn read(stamp: u64, lap: u32) -> Reading {
    let stated = (stamp >> 32) as u32;
    if stated == lap {
        let bare = stamp & !(0xFF << 24);
        if stamp == bare | check(bare) << 24 {
            Reading::Record((stamp & MAX_LENGTH as u64) as usize)
        } else {
            Reading::Corrupt
        }
    } else if (lap.wrapping_sub(stated) as i32) < 0 {
        // From a lap to come: a producer gets there only after the consumer has been here.
        Reading::Corrupt
    } else {
        Reading::Old
    }
}

/// The bytes of a stamp folded into one: every single flipped bit changes it.
#[inline]
fn check(bare: u64) -> u64 {
    let folded = bare ^ bare >> 32;
    let folded = folded ^ folded >> 16;
    (folded ^ folded >> 8 ^ 0xA5) & 0xFF
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_as_it_was_made() {
        for lap in [1, 2, 77, u32::MAX] {
            for length in [0, 1, 56, 57, MAX_LENGTH] {
                assert_eq!(read(make(lap, length), lap), Reading::Record(length));
                assert_eq!(read(make(lap, length), lap.wrapping_add(1)), Reading::Old);
                assert_eq!(read(make(lap, length), lap.wrapping_sub(1)), Reading::Corrupt);
            }
        }
        assert_eq!(read(0, 1), Reading::Old);
    }

    #[test]
    fn no_flipped_bit_gives_another_record() {
        for lap in [1, 2, 0x1234_5678] {
            for length in [0, 5, 1 << 20] {
                for bit in 0..64 {
                    let reading = read(make(lap, length) ^ 1 << bit, lap);
                    assert!(!matches!(reading, Reading::Record(_)), "lap {lap} length {length} bit {bit}: {reading:?}");
                }
            }
        }
    }
}
