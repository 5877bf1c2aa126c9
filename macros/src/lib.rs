//! Procedural macros of distob.
