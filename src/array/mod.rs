//! DistArray: an ndarray in shared memory, with lazy operators that run as fused programs on a hub's engines.
//!
//! How the parts hang together: [`dist_array`] is the type; [`operators`], [`compare`], [`elementary`], [`complex`], [`stretch`] and [`reduce`] build expressions ([`lazy`]) through
//! [`operate`], or compute small ones at once ([`eager`]); [`evaluate`] decides what runs when, [`lower`]s expressions to programs, and [`execute`] runs them
//! on the hub; [`explain`] tells what that would be. [`bounds`] checks what layout methods are asked for. [`npy`] is NumPy's file format, [`files`] the arrays in it. [`closure`] and [`zip`] go through loops over runs ([`rows`]), and so does what travels to engine processes ([`map_with`]); [`construct`] and [`gather`] through other parallel loops ([`walk`]). An array's memory is a block of the pool or its own ([`owned`]), which may [`grow`], or several [`blocks`]; [`view`] makes both ndarray's views. [`slicing`] gives the views that users have, [`dist_view`] and [`dist_view_mut`], with the array's operations
//! ([`view_layout`], [`view_functions`], [`view_reductions`], [`view_traits`]).

mod argument;
mod assign;
mod blocks;
mod bounds;
mod broadcast;
mod cascade;
mod closure;
mod compare;
mod complex;
mod construct;
mod dims;
mod dist_array;
mod dist_view;
mod dist_view_mut;
mod driver;
mod eager;
mod elementary;
mod evaluate;
mod execute;
mod explain;
mod files;
pub mod function;
mod gather;
mod grow;
mod in_place;
mod layout;
mod lazy;
mod leaf;
mod lower;
mod map_with;
pub mod method;
pub mod npy;
mod operate;
mod operators;
mod owned;
mod partition;
mod placement;
mod reduce;
mod rows;
mod shared;
mod slicing;
mod stretch;
mod traits;
mod view;
mod view_functions;
mod view_layout;
mod view_reductions;
mod view_traits;
mod walk;
mod zip;

pub use argument::Argument;
pub use compare::where_;
pub use complex::ComplexArray;
pub use dist_array::{
    DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6, DistArrayD,
    Evaluate, eval_all,
};
pub use dist_view::{DistView, DistView0, DistView1, DistView2, DistView3, DistView4, DistView5, DistView6, DistViewD};
pub use dist_view_mut::{
    DistViewMut, DistViewMut0, DistViewMut1, DistViewMut2, DistViewMut3, DistViewMut4, DistViewMut5, DistViewMut6,
    DistViewMutD,
};
pub use explain::{Explanation, Pass};
pub use files::map_npy;
pub use gather::Scatter;
pub use partition::{Partition, PartitionBlock};
pub use zip::{Zip2, Zip3, Zip4, Zip5, Zip6};
