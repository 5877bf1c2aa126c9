//! Descriptions as plain words: 64 bits each, little-endian, checked one by one where they are read.

use crate::layout::Layout;
use crate::{DType, Error, Result, Scalar};

/// Most numbers of any list in a description.
const MOST: usize = 1 << 16;

/// Writes a description.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// One that has written nothing.
    pub fn new() -> Writer {
        Writer::default()
    }

    /// One word.
    pub fn word(&mut self, word: u64) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// How many numbers there are, then the numbers.
    pub fn list<T: Copy>(&mut self, numbers: &[T], word: impl Fn(T) -> u64) {
        self.word(numbers.len() as u64);
        numbers.iter().for_each(|&number| self.word(word(number)));
    }

    /// A list of lengths.
    pub fn lengths(&mut self, lengths: &[usize]) {
        self.list(lengths, |length| length as u64);
    }

    /// A list of strides.
    pub fn strides(&mut self, strides: &[isize]) {
        self.list(strides, |stride| stride as u64);
    }

    /// An element type.
    pub fn dtype(&mut self, dtype: DType) {
        self.word(dtype as u64);
    }

    /// A value with its type.
    pub fn scalar(&mut self, scalar: &Scalar) {
        self.dtype(scalar.dtype);
        self.value(&scalar.bytes);
    }

    /// The bytes of a value.
    pub fn value(&mut self, bytes: &[u8; 16]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads a description, whose bytes may be any.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Of these bytes.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| {
            Error::frame(format!("a description ends early: {} bytes are left where {N} are wanted", self.rest.len()))
        })?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One word.
    ///
    /// # Errors
    ///
    /// `Error::Frame` where the bytes end, as for all that follow.
    pub fn word(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// A number of at most `most`.
    ///
    /// # Errors
    ///
    /// Also where it is greater.
    pub fn number(&mut self, what: &str, most: usize) -> Result<usize> {
        let word = self.word()?;
        match usize::try_from(word) {
            Ok(number) if number <= most => Ok(number),
            _ => Err(Error::frame(format!("{word} {what}; at most {most} are allowed"))),
        }
    }

    /// `false` or `true`.
    ///
    /// # Errors
    ///
    /// Also where it is another number.
    pub fn flag(&mut self) -> Result<bool> {
        Ok(self.number("for a flag", 1)? == 1)
    }

    /// A list.
    ///
    /// # Errors
    ///
    /// Also where it is longer than the bytes that are left, or `read` fails.
    pub fn list<T>(&mut self, what: &str, mut read: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.number(what, MOST.min(self.rest.len() / 8))?;
        (0..count).map(|_| read(self)).collect()
    }

    /// A list of lengths.
    ///
    /// # Errors
    ///
    /// Also where one is no length.
    pub fn lengths(&mut self) -> Result<Vec<usize>> {
        self.list("lengths", |words| words.number("elements", isize::MAX as usize))
    }

    /// A list of strides.
    ///
    /// # Errors
    ///
    /// As [`Reader::list`].
    pub fn strides(&mut self) -> Result<Vec<isize>> {
        self.list("strides", |words| Ok(words.word()? as isize))
    }

    /// The strides of an operand.
    ///
    /// # Errors
    ///
    /// As [`Reader::list`].
    pub fn layout(&mut self) -> Result<Layout> {
        Ok(Layout { strides: self.strides()? })
    }

    /// An element type.
    ///
    /// # Errors
    ///
    /// Also where there is no such type.
    pub fn dtype(&mut self) -> Result<DType> {
        Ok(DType::ALL[self.number("as an element type", DType::ALL.len() - 1)?])
    }

    /// A value with its type.
    ///
    /// # Errors
    ///
    /// Also where there is no such type.
    pub fn scalar(&mut self) -> Result<Scalar> {
        Ok(Scalar { dtype: self.dtype()?, bytes: self.value()? })
    }

    /// The bytes of a value.
    ///
    /// # Errors
    ///
    /// As [`Reader::word`].
    pub fn value(&mut self) -> Result<[u8; 16]> {
        self.take()
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut words = Writer::new();
        words.lengths(&[3, 0, 7]);
        words.strides(&[-1, 4]);
        words.scalar(&Scalar { dtype: DType::I8, bytes: [9; 16] });
        let bytes = words.finish();
        let mut words = Reader::new(&bytes);
        assert_eq!(words.lengths().unwrap(), [3, 0, 7]);
        assert_eq!(words.strides().unwrap(), [-1, 4]);
        assert_eq!(words.scalar().unwrap(), Scalar { dtype: DType::I8, bytes: [9; 16] });
        assert!(words.is_empty());
    }

    #[test]
    fn lists_longer_than_their_bytes_are_refused() {
        let mut words = Writer::new();
        words.word(1 << 40);
        assert!(Reader::new(&words.clone().finish()).lengths().is_err());
        words.word(3);
        assert!(Reader::new(&words.finish()[8..]).strides().is_err());
    }
}
