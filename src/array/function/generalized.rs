//! NumPy's generalised universal functions, which work on whole matrices and vectors: what can be done with them is in
//! `array::method`.

/// Products of matrices: NumPy's `matmul`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Matmul;

/// Products of a matrix and a vector: NumPy's `matvec`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Matvec;

/// Products of two vectors, the first of them conjugated: NumPy's `vecdot`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Vecdot;

/// Products of a vector, conjugated, and a matrix: NumPy's `vecmat`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Vecmat;
