//! DistArray: layout, laziness, indexing, files. Uses cluster and ufunc.

pub mod npy;
