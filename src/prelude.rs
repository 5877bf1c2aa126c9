//! The imports of a program that uses arrays: `use distob::prelude::*;`. It includes ndarray's own prelude.

pub use crate::Element;
pub use crate::array::method::{
    Accumulate as _, At as _, AtUnary as _, CallBinary as _, CallBinaryPair as _, CallUnary as _, CallUnaryPair as _,
    Input, Outer as _, Reduce as _, Reduceat as _,
};
pub use crate::array::{
    ComplexArray, DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6,
    DistArrayD, DistView, DistView0, DistView1, DistView2, DistView3, DistView4, DistView5, DistView6, DistViewD,
    DistViewMut, DistViewMut0, DistViewMut1, DistViewMut2, DistViewMut3, DistViewMut4, DistViewMut5, DistViewMut6,
    DistViewMutD, Zip2 as _, Zip3 as _, Zip4 as _, Zip5 as _, Zip6 as _, eval_all, where_,
};
pub use crate::cluster::Hub;
pub use ndarray::prelude::*;
