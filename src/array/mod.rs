//! DistArray: an ndarray in shared memory, with lazy operators that run as fused programs on a hub's engines.
//!
//! [`dist_array`] is the type, with its constructors and layout methods; [`view`] has the views that users borrow from it. Both stand for memory in
//! [`storage`], or for a pending [`expression`]. Each [`operation`] builds a node of an expression, or computes a small result at once. [`evaluate`]
//! decides what runs when, and runs the fused programs of expressions on the hub. [`function`] lists the universal functions, and [`method`] has those
//! that are not elementwise. [`loops`] runs closures and copies. [`blocks`] says which engine owns which part of an array, [`shape`] has the rules of shapes and strides,
//! and [`npy`] reads and writes NumPy's files.

mod blocks;
mod dist_array;
mod evaluate;
mod example;
mod expression;
pub mod function;
mod loops;
pub mod method;
pub mod npy;
mod operation;
mod shape;
mod storage;
mod view;

pub use blocks::partition::{Partition, PartitionBlock};
pub use dist_array::gather::Scatter;
pub use dist_array::{
    DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6, DistArrayD,
    Evaluate, eval_all,
};
pub use expression::explain::{Explanation, Pass};
pub use loops::zip::{Zip2, Zip3, Zip4, Zip5, Zip6};
pub use npy::files::map_npy;
pub use operation::argument::Argument;
pub use operation::compare::where_;
pub use operation::complex::ComplexArray;
pub use view::dist_view::{
    DistView, DistView0, DistView1, DistView2, DistView3, DistView4, DistView5, DistView6, DistViewD,
};
pub use view::dist_view_mut::{
    DistViewMut, DistViewMut0, DistViewMut1, DistViewMut2, DistViewMut3, DistViewMut4, DistViewMut5, DistViewMut6,
    DistViewMutD,
};
