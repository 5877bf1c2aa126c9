//! The file of what NumPy gives: records of a key, operands and results.

use std::collections::BTreeMap;

/// An array as the file has it.
#[derive(Clone, Debug)]
pub struct Given {
    /// NumPy's name of the type, such as `f8`.
    pub dtype: String,
    pub shape: Vec<usize>,
    pub bytes: Vec<u8>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Record {
    /// What else the method is told: the axis.
    pub parameters: Vec<isize>,
    pub arrays: Vec<Given>,
}

/// All cases, by method and function.
pub fn read() -> BTreeMap<(String, String), Vec<Record>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/ufuncs.bin");
    let bytes = std::fs::read(path).expect("the file that ci/ufuncs_golden.py makes");
    let (mut at, mut all) = (0, BTreeMap::<_, Vec<Record>>::new());
    while at < bytes.len() {
        let end = at + bytes[at..].iter().position(|&b| b == b'\n').expect("a line");
        let head = std::str::from_utf8(&bytes[at..end]).expect("a line of text");
        at = end + 1;
        let mut parts = head.split('|');
        let mut key = parts.next().expect("a key").split(' ');
        let (method, function) = (key.next().expect("a method").to_owned(), key.next().expect("a function").to_owned());
        let parameters = key.map(|number| number.parse().expect("a number")).collect();
        let mut arrays = Vec::new();
        for part in parts {
            let (dtype, shape) = part.split_once(':').expect("type and shape");
            let shape: Vec<usize> =
                shape.split(',').filter(|n| !n.is_empty()).map(|n| n.parse().expect("a length")).collect();
            let size: usize = dtype[1..].parse().expect("a size");
            let length = size * shape.iter().product::<usize>();
            arrays.push(Given { dtype: dtype.to_owned(), shape, bytes: bytes[at..at + length].to_vec() });
            at += length;
        }
        all.entry((method, function)).or_default().push(Record { parameters, arrays });
    }
    all
}
