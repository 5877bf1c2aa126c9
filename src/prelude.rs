//! What a program that uses distob imports: `use distob::prelude::*`.

pub use crate::array::{
    DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6, DistArrayD, where_,
};
pub use crate::cluster::Hub;
pub use ndarray::prelude::*;
