//! A universal function of which a program says by hand which operation computes it, and what that gives.
//!
//! Operations have no public name, and the trait is sealed. Expected: E0432, "unresolved import `distob::ufunc::Op`" (and E0277, "the
//! trait bound `Mine: Sealed` is not satisfied").
//!
//! ```compile_fail,E0432
//! use distob::prelude::*;
//! use distob::ufunc::{Exp, Op, Unary, UnaryUfunc};
//!
//! #[derive(Clone, Copy)]
//! struct Mine;
//!
//! impl UnaryUfunc for Mine {
//!     const NAME: &'static str = "mine";
//!     fn op(self) -> Op {
//!         Exp.op()
//!     }
//! }
//!
//! impl Unary<f64> for Mine {
//!     type Output = bool;
//! }
//!
//! fn main() {
//!     assert!(Mine.call(&array![1.0])[0]);
//! }
//! ```
//!
//! Its twin is a function of that type.
//!
//! ```
//! use distob::prelude::*;
//!
//! #[distob::ufunc]
//! fn mine(x: f64) -> bool {
//!     x > 0.0
//! }
//!
//! fn main() {
//!     assert!(mine.call(&array![1.0])[0]);
//! }
//! ```
