//! A function of the program's own that is registered with other types than it has would be called with memory of those.
//!
//! There is nothing to be told of the types beside the function itself, and no function can be registered in the place of another.
//! Expected: E0308, "expected `&Registered<Bytes>`, found `&Registered<Words>`".
//!
//! ```compile_fail,E0308
//! use distob::ufunc::user::{Registered, UserFunction};
//! use distob::prelude::*;
//!
//! #[derive(Clone, Copy)]
//! struct Words;
//!
//! impl UserFunction for Words {
//!     type A = u64;
//!     type B = ();
//!     type R = u64;
//!     const NAME: &'static str = "words";
//!     const PLACE: (&'static str, u32, u32) = (file!(), line!(), column!());
//!     fn apply(a: u64, _: ()) -> u64 {
//!         a
//!     }
//!     fn registered() -> &'static Registered<Self> {
//!         static WORDS: Registered<Words> = Registered::unary();
//!         &WORDS
//!     }
//! }
//!
//! #[derive(Clone, Copy)]
//! struct Bytes;
//!
//! impl UserFunction for Bytes {
//!     type A = u8;
//!     type B = ();
//!     type R = u8;
//!     const NAME: &'static str = "bytes";
//!     const PLACE: (&'static str, u32, u32) = (file!(), line!(), column!());
//!     fn apply(a: u8, _: ()) -> u8 {
//!         a
//!     }
//!     fn registered() -> &'static Registered<Self> {
//!         Words::registered()
//!     }
//! }
//!
//! fn main() {
//!     assert_eq!(Bytes.call(&array![1u8, 2]), array![1u8, 2]);
//! }
//! ```
//!
//! Its twin leaves all of that to the attribute.
//!
//! ```
//! use distob::prelude::*;
//!
//! #[distob::ufunc]
//! fn bytes(a: u8) -> u8 {
//!     a
//! }
//!
//! fn main() {
//!     assert_eq!(bytes.call(&array![1u8, 2]), array![1u8, 2]);
//! }
//! ```
