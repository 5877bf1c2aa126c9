//! The header of an NPY file: magic, version, length, and a Python dict with the type, the order and the shape.
//!
//! The bytes come from anywhere, so nothing in them is believed: each length is bounded before it is used, and the
//! dict is parsed by a parser for just the literals that may stand there.

use super::descr;
use kernels::DType;
use std::ops::Range;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Longest header that is read. NumPy itself stays below 10,000 bytes unless it is told otherwise.
const MAX_HEADER: usize = 1 << 20;
/// Most dimensions: NumPy's own limit.
pub(super) const MAX_NDIM: usize = 64;
/// Bytes that tell how long the header is, at most: magic, version, 32-bit length.
pub(super) const PREFIX: usize = 12;

/// What the header of an NPY file says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Type of the elements.
    pub dtype: DType,
    /// Whether the bytes of each number are in the other order than this machine's.
    pub swapped: bool,
    /// Whether the first axis is the one that varies fastest.
    pub fortran: bool,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Where in the file the elements begin.
    pub data_at: usize,
}

impl Header {
    /// Where the dict is in a file that begins with `prefix` (12 bytes, or all there are of a shorter file).
    ///
    /// # Errors
    ///
    /// A text that says what is wrong.
    pub fn locate(prefix: &[u8]) -> Result<Range<usize>, String> {
        let seen = prefix.len().min(MAGIC.len());
        if prefix[..seen] != MAGIC[..seen] || seen == 0 {
            let kind = match prefix {
                [] => "an empty file",
                [b'P', b'K', ..] => {
                    "a zip archive (perhaps .npz: take one array out of it with np.save(path, np.load(file)['name']))"
                }
                [0x89, b'H', b'D', b'F', ..] => {
                    "an HDF5 or NetCDF-4 file (convert it with NumPy: np.save(path, array))"
                }
                _ => "not an NPY file",
            };
            return Err(format!("{kind}: it begins with {:02x?}, an NPY file with {MAGIC:02x?}", &prefix[..seen]));
        }
        let short = || format!("truncated: {} bytes, too short for the header of an NPY file", prefix.len());
        let version = prefix.get(6..8).ok_or_else(short)?;
        let (from, length) = match version {
            [1, _] => {
                let b = prefix.get(8..10).ok_or_else(short)?;
                (10, usize::from(u16::from_le_bytes([b[0], b[1]])))
            }
            [2 | 3, _] => {
                let b = prefix.get(8..12).ok_or_else(short)?;
                (12, u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
            }
            [major, minor] => {
                return Err(format!("NPY version {major}.{minor}; versions 1.0, 2.0 and 3.0 are known"));
            }
            _ => unreachable!("two bytes"),
        };
        if length > MAX_HEADER {
            return Err(format!("its header claims {length} bytes; at most {MAX_HEADER} are read"));
        }
        Ok(from..from + length)
    }

    /// Reads the header from the first bytes of a file: all of the header at least.
    ///
    /// # Errors
    ///
    /// A text that says what is wrong, with the values.
    pub fn parse(bytes: &[u8]) -> Result<Header, String> {
        let at = Header::locate(&bytes[..bytes.len().min(PREFIX)])?;
        let text = bytes
            .get(at.clone())
            .ok_or_else(|| format!("truncated: its header ends at byte {}, the file at {}", at.end, bytes.len()))?;
        let mut header = Dict { text, at: 0 }.parse()?;
        header.data_at = at.end;
        header.checked_bytes()?;
        Ok(header)
    }

    /// A header for elements of `dtype` of this machine, as [`Header::encode`] will write it.
    pub fn new(dtype: DType, shape: &[usize], fortran: bool) -> Header {
        let mut header = Header { dtype, swapped: false, fortran, shape: shape.to_vec(), data_at: 0 };
        header.data_at = header.encode().len();
        header
    }

    /// The bytes of the header, version 1.0, padded with spaces so that the elements begin at a multiple of 64.
    pub fn encode(&self) -> Vec<u8> {
        let mut dict = format!(
            "{{'descr': '{}', 'fortran_order': {}, 'shape': (",
            self.descr(),
            if self.fortran { "True" } else { "False" }
        );
        for (i, n) in self.shape.iter().enumerate() {
            dict += &if i == 0 { n.to_string() } else { format!(", {n}") };
        }
        dict += if self.shape.len() == 1 { ",), }" } else { "), }" };
        let total = (10 + dict.len() + 1).next_multiple_of(64);
        let length = u16::try_from(total - 10).expect("64 axes of 20 digits fit into 64 KiB");
        let mut bytes = Vec::with_capacity(total);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[1, 0]);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(dict.as_bytes());
        bytes.resize(total - 1, b' ');
        bytes.push(b'\n');
        bytes
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// Bytes of all the elements.
    pub fn data_bytes(&self) -> usize {
        self.elements() * self.dtype.size()
    }

    /// The type as NumPy writes it, such as `<f4`.
    pub fn descr(&self) -> String {
        let (kind, size) = match self.dtype {
            DType::Bool => ('b', 1),
            d @ (DType::I8 | DType::I16 | DType::I32 | DType::I64) => ('i', d.size()),
            d @ (DType::U8 | DType::U16 | DType::U32 | DType::U64) => ('u', d.size()),
            d @ (DType::F16 | DType::F32 | DType::F64) => ('f', d.size()),
            // NumPy has no such type; its extensions write two bytes without a meaning. `save_npy` refuses.
            DType::BF16 => ('V', 2),
            d @ (DType::C32 | DType::C64) => ('c', d.size()),
        };
        let order = match (size, cfg!(target_endian = "little") != self.swapped) {
            (1, _) => '|',
            (_, true) => '<',
            (_, false) => '>',
        };
        format!("{order}{kind}{size}")
    }

    /// The bytes that the shape asks for, where memory could hold them. Axes of length 0 count as 1 here: an
    /// `ndarray` must be able to count the others too.
    fn checked_bytes(&self) -> Result<usize, String> {
        self.shape
            .iter()
            .filter(|&&n| n != 0)
            .try_fold(self.dtype.size(), |bytes, &n| bytes.checked_mul(n))
            .filter(|&bytes| bytes <= isize::MAX as usize - self.data_at)
            .ok_or_else(|| format!("its shape {:?} of {} is larger than memory can be", self.shape, self.dtype.name()))
    }
}

/// A parser for the dict: three keys, whose values are a string, a bool and a tuple of integers.
struct Dict<'a> {
    text: &'a [u8],
    at: usize,
}

impl Dict<'_> {
    fn parse(mut self) -> Result<Header, String> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.take(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            let twice = match key.as_str() {
                "descr" => descr.replace(self.descr()?).is_some(),
                "fortran_order" => fortran.replace(self.boolean()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => return Err(format!("its header has an unknown key {key:?}")),
            };
            if twice {
                return Err(format!("its header has {key:?} twice"));
            }
            if !self.take(b',') {
                self.expect(b'}')?;
                break;
            }
        }
        self.blank();
        // Version 1.0 of some writers pads with zero bytes.
        if let Some(i) = self.text[self.at..].iter().position(|&b| b != 0) {
            return Err(self.unexpected(self.at + i, "the end of the header"));
        }
        let missing = |key: &str| format!("its header has no {key:?}");
        let (dtype, swapped) = descr::parse(&descr.ok_or_else(|| missing("descr"))?)?;
        let fortran = fortran.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        Ok(Header { dtype, swapped, fortran, shape, data_at: 0 })
    }

    fn descr(&mut self) -> Result<String, String> {
        self.blank();
        if matches!(self.text.get(self.at), Some(b'[' | b'(')) {
            return Err(format!(
                "its elements are records ({}); save each field by itself: np.save(path, a['field'])",
                self.excerpt(self.at)
            ));
        }
        self.string()
    }

    fn string(&mut self) -> Result<String, String> {
        self.blank();
        // Python 2 wrote some strings as `u'…'`.
        if matches!(self.text[self.at..], [b'u' | b'U', b'\'' | b'"', ..]) {
            self.at += 1;
        }
        let from = self.at;
        let quote = match self.text.get(from) {
            Some(&q @ (b'\'' | b'"')) => q,
            _ => return Err(self.unexpected(from, "a string")),
        };
        let inside = &self.text[from + 1..];
        let end = inside.iter().position(|&b| b == quote).ok_or_else(|| self.unexpected(from, "a string that ends"))?;
        let inside = &inside[..end];
        if !inside.iter().all(|b| b.is_ascii_graphic() && *b != b'\\') {
            return Err(self.unexpected(from, "a string of plain characters"));
        }
        self.at = from + end + 2;
        Ok(inside.iter().map(|&b| char::from(b)).collect())
    }

    fn boolean(&mut self) -> Result<bool, String> {
        self.blank();
        let rest = &self.text[self.at..];
        for (word, value) in [("True", true), ("False", false)] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected(self.at, "True or False"))
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while !self.take(b')') {
            self.blank();
            let from = self.at;
            while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
                self.at += 1;
            }
            let digits = str::from_utf8(&self.text[from..self.at]).expect("digits are ASCII");
            if digits.is_empty() {
                return Err(self.unexpected(from, "the length of an axis"));
            }
            shape.push(digits.parse().map_err(|_| format!("its shape has an axis of length {digits}"))?);
            if shape.len() > MAX_NDIM {
                return Err(format!("its shape has more than {MAX_NDIM} axes"));
            }
            // Python 2 wrote long integers as `3L`.
            if self.text.get(self.at) == Some(&b'L') {
                self.at += 1;
            }
            if !self.take(b',') {
                if shape.len() == 1 {
                    // `(3)` is a number in parentheses to Python, and no shape.
                    return Err(self.unexpected(self.at, "a comma after the only length of the shape"));
                }
                self.expect(b')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn blank(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(self.at, &format!("{:?}", char::from(byte)))) }
    }

    fn unexpected(&self, at: usize, wanted: &str) -> String {
        format!("its header is damaged: {wanted} expected at its byte {at}, found {}", self.excerpt(at))
    }

    fn excerpt(&self, at: usize) -> String {
        let rest = &self.text[at.min(self.text.len())..];
        if rest.is_empty() {
            return "its end".to_owned();
        }
        format!("\"{}\"", rest[..rest.len().min(40)].escape_ascii())
    }
}
