//! Universal functions and their methods. One crate, since each compiles the generic code that it uses anew.

mod accumulate;
mod at;
mod call;
mod cascade;
mod complex_functions;
mod elementary_special;
mod extremes;
mod faults;
mod halves;
mod hubs;
mod matrix;
mod random;
mod reduce;
mod reduceat;
