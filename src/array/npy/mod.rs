//! Files in NumPy's NPY format: what their bytes mean, reading them into memory in parallel, writing them so that a
//! reader sees the old file or the new one and never half of either.
//!
//! The format is that of NumPy's `numpy.lib.format`, versions 1.0, 2.0 and 3.0. Numbers of every
//! [`DType`](crate::ufunc::DType) in either byte order are read, row-major or column-major (which becomes strides, not
//! a copy). What is no plain array of numbers gets an error that names what it is and what to do about it.

mod descr;
pub(in crate::array) mod files;
mod header;
mod map;
mod read;
mod write;

pub use header::Header;
pub use map::MappedNpy;
pub use read::NpyFile;
pub use write::save;

#[cfg(test)]
mod tests;
