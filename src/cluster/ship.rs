//! Functions that travel: a `fn` pointer is told to another process of the same program as two offsets in the image that both
//! run, of its code and of a constant that describes its type.
//!
//! # Why that is sound
//!
//! - A parameter of type `fn(A) -> R` takes functions and closures that capture nothing. The compiler refuses a closure that captures
//!   anything, a value without bytes too, so nothing is made in the receiver but arguments, from their archives.
//! - The sender takes both offsets from one value: the function that does it is generic in the types of the pointer, and they decide
//!   which constant it is. Code outside of the image (of a library that was loaded) is refused.
//! - The receiver checks that the frame has its checksum, that a descriptor lies at the one offset, among the constants of its
//!   image, and that the other one is machine code of its image. Then it reads the argument with all checks of rkyv.
//! - What remains is trusted: a frame that has passed was written by a process of this very program (the handshake compares
//!   build ids, and the memory is a file without a name, of this user, that no other process has), in the way said above. That an
//!   address of code is where a function of the descriptor's type begins cannot be seen by looking at it.

use super::image::Image;
use super::value::{from_bytes, to_bytes};
use super::wire::REPLY_ROOM;
use crate::error::{Error, Result};
use crate::transport::wire::Message;

/// A constant by which processes of one program tell each other of functions.
///
/// # Safety
/// The type is `repr(C)`: `MAGIC` as a `u64`, then function pointers of eight bytes and nothing else. No other type has this
/// `MAGIC`, and values of it are constants of the program alone.
pub(crate) unsafe trait Constant: Sized + 'static {
    /// What it begins with.
    const MAGIC: u64;
}

/// The number by which another process of this program finds `code`, a function of the type that `kind` describes: its offset in
/// the image in the lower half, that of the constant in the upper one.
///
/// # Errors
/// [`Error::InvalidArgument`] for code that is no part of the image, or one that is longer than 4 GiB.
pub(crate) fn number_of<T: Constant>(kind: &'static T, code: *const ()) -> Result<u64> {
    let image = Image::own();
    let half = |address: usize| u32::try_from(image.offset(address)).ok();
    let halves = half(std::ptr::from_ref(kind).addr()).zip(half(code.addr()).filter(|_| image.is_code(code.addr())));
    let (kind, code) = halves.ok_or_else(|| {
        Error::invalid(format!(
            "the function at {code:p} is no code of this program's own file, so that other processes cannot be told of it"
        ))
    })?;
    Ok(u64::from(kind) << 32 | u64::from(code))
}

/// The constant and the code that a peer named by [`number_of`].
///
/// # Errors
/// [`Error::Frame`] where no constant of the type lies at the one offset, or no code at the other.
pub(crate) fn function_at<T: Constant>(number: u64) -> Result<(&'static T, *const ())> {
    let image = Image::own();
    let refused = || Error::frame(format!("{number:#x} names no function that travels"));
    let address = image.constant(number >> 32, size_of::<T>(), align_of::<T>()).ok_or_else(refused)?;
    let code = image.base.wrapping_add(number as u32 as usize);
    // SAFETY: `constant` has checked that the aligned bytes of a whole `T` at this address are constants of our image, mapped
    // for the life of the process and never written; every bit pattern is that many `u64`.
    let words = unsafe { std::slice::from_raw_parts(address as *const u64, size_of::<T>() / 8) };
    let [magic, functions @ ..] = words else { return Err(refused()) };
    if *magic != T::MAGIC || !functions.iter().all(|&word| image.is_code(word as usize)) || !image.is_code(code) {
        return Err(refused());
    }
    // SAFETY: checked as above, and the compiler put a `T` here: both ends run the same program (the handshake compares build
    // ids), and no constant of it but those of this type holds this number followed by the addresses of functions.
    let constant = unsafe { &*(address as *const T) };
    Ok((constant, code as *const ()))
}

/// Reads an argument, calls the function whose code is given, writes the result, behind room for what comes before it in a frame.
///
/// # Safety
/// The code is that of a `fn(A) -> R` of this process, of the types that the descriptor is of.
type Call = unsafe fn(*const (), &[u8]) -> Result<Vec<u8>>;

/// What the constant of each type of a task's function says.
#[repr(C)]
pub(super) struct Descriptor {
    magic: u64,
    call: Call,
}

// SAFETY: `repr(C)`: the number, then one function pointer.
unsafe impl Constant for Descriptor {
    const MAGIC: u64 = 0x6469_7374_6f62_666e;
}

const _: () = assert!(size_of::<Descriptor>() == 16);

struct Shipped<A, R>(std::marker::PhantomData<fn(A) -> R>);

impl<A: Message, R: Message> Shipped<A, R> {
    const DESCRIPTOR: &'static Descriptor = &Descriptor { magic: Descriptor::MAGIC, call: Self::call };

    /// # Safety
    /// As [`Call`].
    unsafe fn call(code: *const (), argument: &[u8]) -> Result<Vec<u8>> {
        // SAFETY: the code of a function of this type (contract).
        let function = unsafe { std::mem::transmute::<*const (), fn(A) -> R>(code) };
        to_bytes(&function(from_bytes(argument)?), REPLY_ROOM)
    }
}

/// The number of a task's function.
///
/// # Errors
/// As [`number_of`].
pub(super) fn task_number<A: Message, R: Message>(function: fn(A) -> R) -> Result<u64> {
    number_of(Shipped::<A, R>::DESCRIPTOR, function as *const ())
}

/// A task's function in the process that is to run it.
#[derive(Clone, Copy)]
pub(super) struct Function {
    descriptor: &'static Descriptor,
    code: *const (),
}

impl Function {
    /// The function that a peer named.
    ///
    /// # Errors
    /// As [`function_at`].
    ///
    /// # Safety
    /// The number is what [`task_number`] gave in a process of this program.
    pub(super) unsafe fn named(number: u64) -> Result<Function> {
        function_at::<Descriptor>(number).map(|(descriptor, code)| Function { descriptor, code })
    }

    /// Calls it with an argument that is an archive; the archive of the result, behind room for what comes before it in a reply.
    pub(super) fn call(self, argument: &[u8]) -> Result<Vec<u8>> {
        // SAFETY: a `Function` is made of a number that `task_number` gave (contract of `named`): the code is of a function of
        // the descriptor's types, at the same offset of the same image.
        unsafe { (self.descriptor.call)(self.code, argument) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(x: u64) -> u64 {
        x * 2
    }

    #[test]
    fn a_function_is_found_by_its_number_and_called() {
        for (function, want) in [(double as fn(u64) -> u64, 42), (|x| x + 1, 22)] {
            // SAFETY: the number of a function of this process.
            let received = unsafe { Function::named(task_number(function).unwrap()) }.unwrap();
            let result = received.call(&to_bytes(&21u64, 0).unwrap()).unwrap();
            assert_eq!(from_bytes::<u64>(&result[REPLY_ROOM..]).unwrap(), want);
        }
    }

    #[test]
    fn other_numbers_are_refused() {
        let good = task_number(double).unwrap();
        let (kind, code) = (good >> 32, good & u64::from(u32::MAX));
        for bad in [0, 1, kind + 1, kind + 8, kind.wrapping_sub(8), u64::from(u32::MAX), code] {
            assert!(function_at::<Descriptor>(bad << 32 | code).is_err(), "constant at {bad:#x}");
        }
        for bad in [kind, u64::from(u32::MAX)] {
            assert!(function_at::<Descriptor>(kind << 32 | bad).is_err(), "code at {bad:#x}");
        }
        assert!(function_at::<Descriptor>(u64::MAX).is_err());
    }

    #[test]
    fn code_that_is_elsewhere_has_no_number() {
        let heap = Box::new(5u64);
        let error = number_of(Shipped::<u64, u64>::DESCRIPTOR, std::ptr::from_ref(&*heap).cast()).unwrap_err();
        assert!(matches!(&error, Error::InvalidArgument { what } if what.contains("no code")), "{error}");
    }
}
