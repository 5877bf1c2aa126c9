//! The `descr` of an NPY file: a string that names the type of the elements and the order of their bytes.
//!
//! `numpy.save` writes a byte order, a letter and a size (`<f8`), but `numpy.load` passes the string to `numpy.dtype`, so files of
//! other writers hold any of its names, and so does a descr here: `float64`, `double`, `d`. They mean what they mean to NumPy 2 on a
//! 64-bit Unix, where a C `long` has 8 bytes.

use kernels::DType;

/// The elements' type, and whether their byte order is not that of this machine.
///
/// # Errors
///
/// A text that names the descr and says what to do about it.
pub(super) fn parse(descr: &str) -> Result<(DType, bool), String> {
    let (order, rest) = match descr.as_bytes().first() {
        Some(b'<' | b'>' | b'=' | b'|') => descr.split_at(1),
        _ => ("", descr),
    };
    // NumPy allows a byte order before a code, but not before a name.
    let named = if order.is_empty() { by_name(rest) } else { None };
    let dtype = by_code(rest).or(named).ok_or_else(|| unknown(descr, rest))?;
    let other = if cfg!(target_endian = "little") { ">" } else { "<" };
    // `|` means "not applicable", and, where it is, this machine's order.
    Ok((dtype, order == other && dtype.size() > 1))
}

/// A letter and a number of bytes, or a letter alone.
fn by_code(code: &str) -> Option<DType> {
    Some(match code {
        "?" | "b1" => DType::Bool,
        "b" | "i1" => DType::I8,
        "h" | "i2" => DType::I16,
        "i" | "i4" => DType::I32,
        "l" | "q" | "p" | "n" | "i8" => DType::I64,
        "B" | "u1" => DType::U8,
        "H" | "u2" => DType::U16,
        "I" | "u4" => DType::U32,
        "L" | "Q" | "P" | "N" | "u8" => DType::U64,
        "e" | "f2" => DType::F16,
        "f" | "f4" => DType::F32,
        "d" | "f8" => DType::F64,
        "F" | "c8" => DType::C32,
        "D" | "c16" => DType::C64,
        _ => return None,
    })
}

/// The names of NumPy's scalar types and of Python's.
fn by_name(name: &str) -> Option<DType> {
    Some(match name {
        "bool" | "bool_" => DType::Bool,
        "int8" | "byte" => DType::I8,
        "int16" | "short" => DType::I16,
        "int32" | "intc" => DType::I32,
        "int64" | "int" | "int_" | "intp" | "long" | "longlong" => DType::I64,
        "uint8" | "ubyte" => DType::U8,
        "uint16" | "ushort" => DType::U16,
        "uint32" | "uintc" => DType::U32,
        "uint64" | "uint" | "uintp" | "ulong" | "ulonglong" => DType::U64,
        "float16" | "half" => DType::F16,
        "float32" | "single" => DType::F32,
        "float64" | "double" | "float" => DType::F64,
        "complex64" | "csingle" => DType::C32,
        "complex128" | "cdouble" | "complex" => DType::C64,
        _ => return None,
    })
}

fn unknown(descr: &str, code: &str) -> String {
    let starts = |names: &[&str]| names.iter().any(|name| code.starts_with(name));
    let advice = if descr != code && by_name(code).is_some() {
        "NumPy has no byte order before a name either"
    } else if starts(&["datetime", "timedelta", "M", "m"]) {
        "it holds dates or time spans; save their counts: a.view('i8')"
    } else if starts(&["complex", "clong", "c16", "c32", "G"]) {
        "convert it with NumPy: a.astype('c16')"
    } else if starts(&["float", "longdouble", "f", "g"]) {
        "convert it with NumPy: a.astype('f4') or a.astype('f8')"
    } else if starts(&["O", "object"]) {
        "it holds pickled Python objects; convert it with NumPy to numbers"
    } else if starts(&["S", "U", "a", "c", "str", "bytes", "unicode"]) {
        "it holds strings; distob's arrays hold numbers"
    } else if starts(&["V", "void"]) {
        "it holds records; save each field by itself: np.save(path, a['field'])"
    } else {
        "known are b1, i1 to i8, u1 to u8, f2, f4, f8, c8, c16 and NumPy's names for these types"
    };
    format!("its elements are of type {descr:?}, which distob does not have: {advice}")
}
