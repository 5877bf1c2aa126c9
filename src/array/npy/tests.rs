//! Headers good and bad, each truncation, random damage; files in both orders, written and read back.

use super::*;
use crate::{Error, Result};
use kernels::DType;
use ndarray::{Ix2, IxDyn, array};
use num_complex::Complex;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A directory that is removed with its files.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("distob-npy-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A file of version `major` with `dict` as it is.
fn npy(major: u8, dict: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([major, 0]);
    match major {
        1 => bytes.extend((dict.len() as u16).to_le_bytes()),
        _ => bytes.extend((dict.len() as u32).to_le_bytes()),
    }
    bytes.extend(dict.as_bytes());
    bytes.extend(data);
    bytes
}

fn dict(descr: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
}

fn parse(dict: &str) -> Result<Header, String> {
    Header::parse(&npy(1, dict, &[]))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let file = NpyFile::open(path)?;
    let mut out = vec![0xAA; file.header().data_bytes()];
    file.read_into(&mut out)?;
    Ok(out)
}

#[test]
fn every_type_in_both_orders_is_known() {
    use DType::*;
    let types = [
        ("b1", Bool),
        ("i1", I8),
        ("i2", I16),
        ("i4", I32),
        ("i8", I64),
        ("u1", U8),
        ("u2", U16),
        ("u4", U32),
        ("u8", U64),
        ("f2", F16),
        ("f4", F32),
        ("f8", F64),
        ("c8", C32),
        ("c16", C64),
    ];
    for (name, dtype) in types {
        for (order, other) in [("<", cfg!(target_endian = "big")), (">", cfg!(target_endian = "little")), ("=", false)]
        {
            let header = parse(&dict(&format!("'{order}{name}'"), "False", "(2, 3)")).unwrap();
            assert_eq!((header.dtype, header.shape.as_slice()), (dtype, &[2, 3][..]));
            assert_eq!(header.swapped, other && dtype.size() > 1, "{order}{name}");
        }
        let header = Header::new(dtype, &[5], false);
        assert_eq!(Header::parse(&header.encode()).unwrap(), header, "{}", header.descr());
    }
    assert_eq!(parse(&dict("'|u1'", "False", "(2,)")).unwrap().dtype, U8);
}

/// What `numpy.lib.format.descr_to_dtype(name).str` gives for every name of a scalar type, NumPy 2.4.6 on 64-bit Linux.
#[test]
fn names_mean_what_they_mean_to_numpy() {
    let known = "
        float64 <f8, float32 <f4, float16 <f2, half <f2, single <f4, double <f8, float <f8, int <i8, int8 |i1, int16 <i2,
        int32 <i4, int64 <i8, intc <i4, intp <i8, uint8 |u1, uint16 <u2, uint32 <u4, uint64 <u8, bool |b1, bool_ |b1, ? |b1, b |i1,
        h <i2, i <i4, l <i8, q <i8, p <i8, n <i8, B |u1, H <u2, I <u4, L <u8, Q <u8, P <u8, N <u8, e <f2, f <f4, d <f8, F <c8,
        D <c16, complex64 <c8, complex128 <c16, complex <c16, csingle <c8, cdouble <c16, byte |i1, short <i2, long <i8,
        longlong <i8, ubyte |u1, ushort <u2, uintc <u4, uint <u8, ulong <u8, ulonglong <u8, uintp <u8, int_ <i8, |f8 <f8,
        =d <f8, |c16 <c16";
    for pair in known.split(',') {
        let (name, written) = pair.trim().split_once(' ').unwrap();
        let header = parse(&dict(&format!("'{name}'"), "False", "(2,)")).expect(name);
        assert!(!header.swapped, "{name}");
        let little = header.descr().replace('>', "<");
        assert_eq!(little, written, "{name}");
    }
    // The other byte order, before codes of one letter.
    for (name, written) in [(">d", ">f8"), (">F", ">c8"), (">l", ">i8"), (">H", ">u2"), (">?", "|b1"), (">b", "|i1")] {
        let header = parse(&dict(&format!("'{name}'"), "False", "(2,)")).expect(name);
        assert_eq!(header.descr(), written);
        assert_eq!(header.swapped, header.dtype.size() > 1 && cfg!(target_endian = "little"), "{name}");
    }
    let header = parse("{u'descr': u'<i2', u'fortran_order': False, u'shape': (3L,)}").unwrap();
    assert_eq!((header.dtype, header.shape.as_slice()), (DType::I16, &[3][..]));
}

#[test]
fn versions_orders_and_spellings_are_read() {
    for major in [1, 2, 3] {
        let header = Header::parse(&npy(major, &dict("'<f4'", "True", "(744, 33, 49)"), &[])).unwrap();
        assert!(header.fortran);
        assert_eq!((header.shape.as_slice(), header.elements()), (&[744, 33, 49][..], 744 * 33 * 49));
    }
    for (shape, wanted) in [("()", vec![]), ("(0,)", vec![0]), ("( 3 , )", vec![3]), ("(2L, 0, 5L)", vec![2, 0, 5])] {
        assert_eq!(parse(&dict("'<f8'", "False", shape)).unwrap().shape, wanted);
    }
    // Keys in another order, double quotes, no trailing comma, no newline, zero bytes as padding.
    let header = parse("{\"shape\": (4, 5), \"descr\": \"<i2\", \"fortran_order\": False}\0\0").unwrap();
    assert_eq!((header.dtype, header.shape.as_slice()), (DType::I16, &[4, 5][..]));
}

#[test]
fn a_written_header_is_what_numpy_writes() {
    let bytes = Header::new(DType::F32, &[744, 33, 49], false).encode();
    assert_eq!(bytes.len() % 64, 0);
    let text = str::from_utf8(&bytes[10..]).unwrap();
    assert_eq!(text.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (744, 33, 49), }");
    assert!(text.ends_with(" \n"));
    let shapes: [&[usize]; 4] = [&[], &[7], &[0, 3], &[usize::MAX >> 8; 1]];
    for shape in shapes {
        let header = Header::new(DType::U8, shape, true);
        assert_eq!(Header::parse(&header.encode()).unwrap(), header);
    }
    // The most axes there may be, each of the most digits, still fit.
    assert!(Header::new(DType::U8, &[usize::MAX; 64], true).encode().len() < 65536);
}

#[test]
fn malformed_headers_are_named() {
    let ok = ("'<f8'", "False", "(2,)");
    let cases = [
        (dict("'<f16'", ok.1, ok.2), "astype('f4')"),
        (dict("'<f16'", ok.1, ok.2), "astype"),
        (dict("'|O'", ok.1, ok.2), "pickled"),
        (dict("'<U5'", ok.1, ok.2), "strings"),
        (dict("'<M8[ns]'", ok.1, ok.2), "view('i8')"),
        (dict("'|V8'", ok.1, ok.2), "records"),
        (dict("[('x', '<f8'), ('y', '<i4')]", ok.1, ok.2), "save each field"),
        (dict("'<float64'", ok.1, ok.2), "no byte order before a name"),
        (dict("'!f8'", ok.1, ok.2), "known are"),
        (dict("'Float64'", ok.1, ok.2), "known are"),
        (dict("'float128'", ok.1, ok.2), "astype('f8')"),
        (dict("'complex256'", ok.1, ok.2), "astype('c16')"),
        (dict("'object'", ok.1, ok.2), "pickled"),
        (dict("'str'", ok.1, ok.2), "strings"),
        (dict("'datetime64[s]'", ok.1, ok.2), "view('i8')"),
        (dict("b'<f8'", ok.1, ok.2), "a string expected"),
        (dict("'f12'", ok.1, ok.2), "does not have"),
        (dict("''", ok.1, ok.2), "does not have"),
        (dict("'", ok.1, ok.2), "string"),
        (dict("'<f8", ok.1, ok.2), "string"),
        (dict("8", ok.1, ok.2), "a string expected"),
        (dict("'<\\x668'", ok.1, ok.2), "plain"),
        (dict(ok.0, "false", ok.2), "True or False"),
        (dict(ok.0, "0", ok.2), "True or False"),
        (dict(ok.0, ok.1, "(2)"), "comma"),
        (dict(ok.0, ok.1, "2"), "'('"),
        (dict(ok.0, ok.1, "[2, 3]"), "'('"),
        (dict(ok.0, ok.1, "(-2,)"), "length of an axis"),
        (dict(ok.0, ok.1, "(2.5,)"), "found \".5"),
        (dict(ok.0, ok.1, "(2,, 3)"), "length of an axis"),
        (dict(ok.0, ok.1, "(2, 3"), "expected"),
        (dict(ok.0, ok.1, "(18446744073709551616,)"), "18446744073709551616"),
        (dict(ok.0, ok.1, "(4294967296, 4294967296)"), "larger than memory"),
        (dict(ok.0, ok.1, "(4294967296, 4294967296, 0)"), "larger than memory"),
        (dict(ok.0, ok.1, "(1152921504606846976,)"), "larger than memory"),
        (dict(ok.0, ok.1, &format!("({})", "1, ".repeat(65))), "more than 64 axes"),
        ("".to_owned(), "'{'"),
        ("{}".to_owned(), "no \"descr\""),
        ("{'descr': '<f8', 'shape': (2,)}".to_owned(), "no \"fortran_order\""),
        ("{'descr': '<f8', 'fortran_order': False}".to_owned(), "no \"shape\""),
        ("{'descr': '<f8', 'descr': '<f8'}".to_owned(), "twice"),
        ("{'descr': '<f8', 'colour': 3}".to_owned(), "unknown key \"colour\""),
        (dict(ok.0, ok.1, ok.2) + "{}", "end of the header"),
        ("__import__('os')".to_owned(), "'{'"),
    ];
    for (text, wanted) in cases {
        let said = parse(&text).expect_err(&text);
        assert!(said.contains(wanted), "{text}: {said}");
    }
}

#[test]
fn what_is_no_npy_file_is_named() {
    let said = |bytes: &[u8]| Header::parse(bytes).unwrap_err();
    assert!(said(b"").contains("empty"));
    assert!(said(b"PK\x03\x04aaaaaaaaaaaaaa").contains(".npz"));
    assert!(said(b"\x89HDF\r\n\x1a\naaaaaaa").contains("HDF5"));
    assert!(said(b"lat,lon,t2m\n50.0,2.0,280").contains("not an NPY file"));
    assert!(said(&npy(4, "{}", &[])).contains("version 4.0"));
    assert!(said(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}").contains("4294967295"));
}

#[test]
fn every_truncation_is_an_error() {
    let scratch = Scratch::new("truncation");
    for major in [1, 2] {
        let whole = npy(major, &dict("'<f8'", "False", "(3, 2)"), &[7; 48]);
        for n in 0..whole.len() {
            let path = scratch.file("t.npy", &whole[..n]);
            match NpyFile::open(&path) {
                Err(Error::File { what, .. }) if n > 0 => assert!(what.contains("truncated"), "{n}: {what}"),
                Err(Error::File { what, .. }) => assert!(what.contains("empty"), "{what}"),
                other => panic!("{n} of {} bytes: {other:?}", whole.len()),
            }
        }
        assert_eq!(read(&scratch.file("t.npy", &whole)).unwrap(), [7; 48]);
        let longer = [&whole[..], &[0]].concat();
        let said = NpyFile::open(&scratch.file("t.npy", &longer)).unwrap_err().to_string();
        assert!(said.contains("longer") && said.contains("48") && said.contains("49"), "{said}");
    }
}

/// A small generator (xorshift) so that a failure comes again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

#[test]
fn damage_is_an_error_or_a_header_that_can_be_true() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let good = npy(1, &dict("'<f4'", "False", "(744, 33, 49)"), &[]);
    let alphabet = b"{}()[]'\",:0123456789LTrueFalsdcpih_on<>|=fcub \n\0\xff";
    let mut read = 0;
    for _ in 0..60_000 {
        let mut bytes = good.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len());
            match random.below(4) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] = alphabet[random.below(alphabet.len())],
                2 => bytes.insert(at, alphabet[random.below(alphabet.len())]),
                _ => drop(bytes.remove(at)),
            }
        }
        if let Ok(header) = Header::parse(&bytes) {
            read += 1;
            assert!(header.data_at <= bytes.len());
            assert!(header.shape.len() <= 64);
            let product = header.shape.iter().try_fold(header.dtype.size(), |p, &n| p.checked_mul(n));
            assert_eq!(product, Some(header.data_bytes()));
        }
    }
    assert!(read > 100, "the damage must leave some headers readable, or it tests only the first check: {read}");
    for _ in 0..20_000 {
        let mut bytes = b"\x93NUMPY\x01\x00\x40\x00".to_vec();
        bytes.extend((0..random.below(90)).map(|_| random.next() as u8));
        let _ = Header::parse(&bytes);
    }
}

#[test]
fn the_other_byte_order_is_turned_around() {
    let scratch = Scratch::new("order");
    // More than one chunk, and a part of one, so that several threads read.
    let values: Vec<f64> = (0..1_300_000).map(|i| f64::from(i) * 0.37 - 1e4).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    let path = scratch.file("big.npy", &npy(1, &dict("'>f8'", "False", "(1300000,)"), &bytes));
    let native: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    assert!(read(&path).unwrap() == native);

    let complex = Complex::new(1.5f32, -2.25);
    let bytes = [complex.re.to_be_bytes(), complex.im.to_be_bytes()].concat();
    let path = scratch.file("complex.npy", &npy(1, &dict("'>c8'", "False", "()"), &bytes));
    assert_eq!(read(&path).unwrap(), [complex.re.to_ne_bytes(), complex.im.to_ne_bytes()].concat());
    let path = scratch.file("short.npy", &npy(1, &dict("'>u2'", "False", "(2,)"), &[1, 2, 3, 4]));
    assert_eq!(read(&path).unwrap(), [0x0102u16.to_ne_bytes(), 0x0304u16.to_ne_bytes()].concat());
}

#[test]
fn bools_are_checked_and_types_compared() {
    let scratch = Scratch::new("bool");
    let good = scratch.file("b.npy", &npy(1, &dict("'|b1'", "False", "(4,)"), &[0, 1, 1, 0]));
    assert_eq!(read(&good).unwrap(), [0, 1, 1, 0]);
    let bad = scratch.file("c.npy", &npy(1, &dict("'|b1'", "False", "(4,)"), &[0, 1, 2, 0]));
    let said = read(&bad).unwrap_err().to_string();
    assert!(said.contains("element 2") && said.contains("its byte is 2"), "{said}");

    let file = NpyFile::open(&good).unwrap();
    file.expect(Some(DType::Bool), Some(1)).unwrap();
    file.expect(Some(DType::Bool), None).unwrap();
    let said = file.expect(Some(DType::F32), None).unwrap_err().to_string();
    assert!(said.contains("holds bool") && said.contains("astype::<f32>"), "{said}");
    let said = file.expect(Some(DType::Bool), Some(3)).unwrap_err().to_string();
    assert!(said.contains("[4] has 1 dimensions, not 3"), "{said}");
    assert!(file.expect(None, None).is_err());
}

#[test]
fn what_was_saved_is_read_back() {
    let scratch = Scratch::new("save");
    let path = scratch.0.join("a.npy");
    let data: Vec<u8> = (0..9_000_000u32).map(|i| (i * 7) as u8).collect();
    let header = Header::new(DType::F32, &[3, 750_000], false);
    save(&path, &header, &data).unwrap();
    assert_eq!(NpyFile::open(&path).unwrap().header(), &header);
    assert!(read(&path).unwrap() == data);

    // Replacing keeps the permissions; an empty array and one without axes work; only the one file is there.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    save(&path, &Header::new(DType::I64, &[4, 0], false), &[]).unwrap();
    assert_eq!(read(&path).unwrap(), [0u8; 0]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    save(&path, &Header::new(DType::U16, &[], false), &[1, 2]).unwrap();
    assert_eq!(read(&path).unwrap(), [1, 2]);
    let link = scratch.0.join("link.npy");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    save(&link, &Header::new(DType::U8, &[1], false), &[9]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&path).unwrap(), [9]);
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 2);
}

#[test]
fn saving_that_fails_says_so_and_leaves_nothing() {
    let scratch = Scratch::new("fail");
    let header = Header::new(DType::U8, &[1], false);
    let missing = scratch.0.join("no/such/dir.npy");
    assert!(matches!(save(&missing, &header, &[1]), Err(Error::Io { what, .. }) if what.contains("no/such/dir.npy")));
    assert!(matches!(save(&scratch.0, &header, &[1]), Err(Error::File { .. })));
    assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
    assert!(matches!(NpyFile::open(&scratch.0), Err(Error::File { what, .. }) if what.contains("regular")));
    assert!(matches!(NpyFile::open(&scratch.0.join("none")), Err(Error::Io { what, .. }) if what.contains("none")));
}

#[test]
fn a_file_is_mapped_in_place() {
    let scratch = Scratch::new("map");
    let wanted = array![[1.0f64, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let bytes: Vec<u8> = wanted.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let header = |fortran| Header::new(DType::F64, &[2, 3], fortran);
    let path = scratch.0.join("m.npy");
    save(&path, &header(false), &bytes).unwrap();
    // SAFETY: nobody else knows this file.
    let map = unsafe { MappedNpy::<f64, Ix2>::open(&path) }.unwrap();
    assert_eq!(map.view(), wanted);

    let columns: Vec<u8> = wanted.t().iter().flat_map(|v| v.to_ne_bytes()).collect();
    let path = scratch.0.join("f.npy");
    save(&path, &header(true), &columns).unwrap();
    // SAFETY: nobody else knows this file.
    let map = unsafe { MappedNpy::<f64, IxDyn>::open(&path) }.unwrap();
    assert_eq!(map.view(), wanted.into_dyn());
    assert_eq!(map.view().strides(), [1, 2]);

    let big = scratch.file("big.npy", &npy(1, &dict("'>f8'", "False", "(1,)"), &[0; 8]));
    let odd = dict("'<f8'", "False", "(1,)");
    let pad = " ".repeat((8 - (10 + odd.len()) % 8) % 8 + 1);
    let odd = scratch.file("odd.npy", &npy(1, &(odd + &pad), &[0; 8]));
    let no = scratch.file("no.npy", &npy(1, &dict("'|b1'", "False", "(1,)"), &[3]));
    // SAFETY: nobody else knows these files.
    unsafe {
        assert!(MappedNpy::<f64, IxDyn>::open(&big).unwrap_err().to_string().contains("byte order"));
        assert!(MappedNpy::<f64, IxDyn>::open(&odd).unwrap_err().to_string().contains("multiple of 8"));
        assert!(MappedNpy::<bool, IxDyn>::open(&no).unwrap_err().to_string().contains("no bool"));
        assert!(MappedNpy::<f32, IxDyn>::open(&path).unwrap_err().to_string().contains("astype::<f32>"));
    }
    assert_eq!(read(&odd).unwrap(), [0; 8]);
}
