//! NumPy's generalised universal functions, which work on whole matrices and vectors: what can be done with them is in
//! `array::method`.

/// Products of matrices: NumPy's `matmul`.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::Matmul;
/// assert_eq!(Matmul.call(array![[1, 2], [3, 4]], array![[1, 0], [0, 10]]), array![[1, 20], [3, 40]]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Matmul;

/// Products of a matrix and a vector: NumPy's `matvec`.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::Matvec;
/// assert_eq!(Matvec.call(array![[1, 2], [3, 4]], array![1, 10]), array![21, 43]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Matvec;

/// Products of two vectors, the first of them conjugated: NumPy's `vecdot`.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::Vecdot;
/// assert_eq!(Vecdot.call(array![1, 2], array![3, 4]), arr0(11));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Vecdot;

/// Products of a vector, conjugated, and a matrix: NumPy's `vecmat`.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::Vecmat;
/// assert_eq!(Vecmat.call(array![1, 10], array![[1, 2], [3, 4]]), array![31, 42]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Vecmat;
