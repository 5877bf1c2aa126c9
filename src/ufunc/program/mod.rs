//! Programs: checked ([`check`]), then turned into steps over registers ([`Code`]).

mod check;
mod code;

pub(super) use check::{check, limits};
pub(super) use code::Code;
