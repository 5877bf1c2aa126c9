//! As `task_token`, for a function over an array that travels to engine processes.
//!
//! Expected: E0308, "closures can only be coerced to `fn` types if they do not capture any variables".
//!
//! ```compile_fail,E0308
//! use distob::prelude::*;
//!
//! mod library {
//!     #[derive(Clone, Copy)]
//!     pub struct Token(());
//!
//!     /// The one way to a token.
//!     pub fn init() -> Token {
//!         Token(())
//!     }
//!
//!     impl Token {
//!         pub fn scale(self) -> f64 {
//!             2.0
//!         }
//!     }
//! }
//!
//! fn main() {
//!     let token = library::init();
//!     let a = DistArray::linspace(0.0, 2.0, 3);
//!     let b = a.map_with(&1.0, move |&shift: &f64, x: f64| x * token.scale() + shift);
//!     assert_eq!(b, array![1.0, 3.0, 5.0]);
//! }
//! ```
//!
//! Its twin has what the token gives as its state.
//!
//! ```
//! use distob::prelude::*;
//!
//! mod library {
//!     #[derive(Clone, Copy)]
//!     pub struct Token(());
//!
//!     /// The one way to a token.
//!     pub fn init() -> Token {
//!         Token(())
//!     }
//!
//!     impl Token {
//!         pub fn scale(self) -> f64 {
//!             2.0
//!         }
//!     }
//! }
//!
//! fn main() {
//!     let token = library::init();
//!     let a = DistArray::linspace(0.0, 2.0, 3);
//!     let b = a.map_with(&(1.0, token.scale()), move |&(shift, scale): &(f64, f64), x: f64| x * scale + shift);
//!     assert_eq!(b, array![1.0, 3.0, 5.0]);
//! }
//! ```
