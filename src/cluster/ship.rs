//! Functions that travel: a function is the offset, in the image that both processes run, of a constant that describes
//! it. The receiver checks that the offset lies among the image's constants, and that a descriptor is there.
//!
//! Only functions without captured state travel (`size_of::<F>() == 0`): there is nothing of them but their type.

use super::image::Image;
use crate::error::{Error, Result};
use crate::transport::wire::Message;

use super::value::{from_bytes, to_bytes};
use super::wire::REPLY_ROOM;

/// Reads an argument, calls the function, writes the result, behind room for what comes before it in a frame.
type Call = fn(&[u8]) -> Result<Vec<u8>>;

/// What the constant of each instantiation says.
#[repr(C)]
pub(super) struct Descriptor {
    magic: u64,
    pub(super) call: Call,
    pub(super) name: fn() -> &'static str,
}

const _: () = assert!(size_of::<Descriptor>() == 24);

struct Shipped<F, A, R>(std::marker::PhantomData<(F, A, R)>);

impl<F, A, R> Shipped<F, A, R>
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Message,
    R: Message,
{
    const DESCRIPTOR: &'static Descriptor =
        &Descriptor { magic: Descriptor::MAGIC, call: Self::call, name: std::any::type_name::<F> };

    fn call(argument: &[u8]) -> Result<Vec<u8>> {
        const { assert!(size_of::<F>() == 0, "a function that travels may capture nothing: pass state as its argument") };
        // SAFETY: `F` has no bytes, so there are none to read and any aligned address will do; it is `Copy`, and inhabited:
        // `descriptor` below, the only way to this function, took a value of it.
        let function: F = unsafe { std::ptr::NonNull::dangling().read() };
        to_bytes(&function(from_bytes(argument)?), REPLY_ROOM)
    }
}

/// The descriptor of a function; taking one proves that it exists.
pub(super) fn descriptor<F, A, R>(_function: F) -> &'static Descriptor
where
    F: Fn(A) -> R + Copy + Send + Sync + 'static,
    A: Message,
    R: Message,
{
    Shipped::<F, A, R>::DESCRIPTOR
}

/// A constant by which processes of one program tell each other of functions.
///
/// # Safety
/// The type is `repr(C)`: `MAGIC` as a `u64`, then function pointers of eight bytes and nothing else. No other type has this
/// `MAGIC`, and values of it are constants of the program alone.
pub(crate) unsafe trait Constant: Sized + 'static {
    /// What it begins with.
    const MAGIC: u64;
}

// SAFETY: `repr(C)`: the number, then two function pointers.
unsafe impl Constant for Descriptor {
    const MAGIC: u64 = 0x6469_7374_6f62_666e;
}

/// The number by which another process of this program finds a constant.
pub(crate) fn offset_of<T: Constant>(constant: &'static T) -> u64 {
    Image::own().offset(std::ptr::from_ref(constant) as usize)
}

/// The constant that a peer named.
pub(crate) fn constant_at<T: Constant>(offset: u64) -> Result<&'static T> {
    let refused = || Error::frame(format!("function offset {offset:#x} is not one of a function that travels"));
    let address = Image::own().constant(offset, size_of::<T>(), align_of::<T>()).ok_or_else(refused)?;
    // SAFETY: `constant` has checked that the aligned bytes of a whole `T` at this address are constants of our image, mapped
    // for the life of the process and never written; every bit pattern is that many `u64`.
    let words = unsafe { std::slice::from_raw_parts(address as *const u64, size_of::<T>() / 8) };
    let [magic, functions @ ..] = words else { return Err(refused()) };
    if *magic != T::MAGIC || !functions.iter().all(|&word| Image::own().is_code(word as usize)) {
        return Err(refused());
    }
    // SAFETY: checked as above, and the compiler put a `T` here: both ends run the same program (the handshake compares build
    // ids), and no constant of it but those of this type holds this number followed by the addresses of functions.
    Ok(unsafe { &*(address as *const T) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(x: u64) -> u64 {
        x * 2
    }

    #[test]
    fn a_function_is_found_by_its_offset_and_called() {
        let sent = descriptor(double);
        let received = constant_at::<Descriptor>(offset_of(sent)).unwrap();
        let result = (received.call)(&to_bytes(&21u64, 0).unwrap()).unwrap();
        assert_eq!(from_bytes::<u64>(&result[REPLY_ROOM..]).unwrap(), 42);
        assert!((received.name)().ends_with("double"));
    }

    #[test]
    fn other_offsets_are_refused() {
        let good = offset_of(descriptor(|x: u64| x + 1));
        for bad in [0, 1, good + 1, good + 8, good.wrapping_sub(8), u64::MAX, 1 << 40] {
            assert!(constant_at::<Descriptor>(bad).is_err(), "{bad:#x}");
        }
    }
}
