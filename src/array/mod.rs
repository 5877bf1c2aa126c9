//! DistArray: layout, laziness, indexing, files. Uses cluster and ufunc.
