//! Programs: checked ([`check`]), then turned into steps over registers ([`Code`]).

mod check;
mod code;
mod expand;
mod fault;

pub(super) use check::{check, limits};
pub(super) use code::Code;
pub use fault::Fault;
pub(super) use fault::{take_mark, zero};
