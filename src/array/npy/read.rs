//! Reading the elements of an NPY file into memory that is there already, by several threads.

use super::Header;
use super::header::PREFIX;
use crate::{Error, Result};
use kernels::DType;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

/// Bytes that a thread reads at a time: a multiple of every element's size, so that no element is cut.
const CHUNK: usize = 4 << 20;
/// Threads that read at once. A page cache is copied from as fast as memory goes with a few; a disk is no faster
/// with more.
const THREADS: usize = 8;

/// An NPY file that was opened, with its header read and held against the file's length.
#[derive(Debug)]
pub struct NpyFile {
    file: File,
    path: String,
    header: Header,
}

impl NpyFile {
    /// Opens `path`, reads its header, and checks that the file is as long as its shape says.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for a file that is no NPY file, is damaged, truncated, longer than its shape says, or of a type
    /// that distob does not have; [`Error::Io`] where the system refuses.
    pub fn open(path: &Path) -> Result<NpyFile> {
        let name = path.display().to_string();
        let wrong = |what: String| Error::File { path: name.clone(), what };
        let failed = |what: &str, e| Error::io(format!("{what} {name}"), e);
        // Asked before the file is opened: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(path).map_err(|e| failed("open", e))?;
        if !metadata.is_file() {
            return Err(wrong("not a regular file".to_owned()));
        }
        let file = File::open(path).map_err(|e| failed("open", e))?;
        let length = file.metadata().map_err(|e| failed("stat", e))?.len();
        let head = |n: usize| -> Result<Vec<u8>> {
            let mut bytes = vec![0; n.min(usize::try_from(length).unwrap_or(usize::MAX))];
            file.read_exact_at(&mut bytes, 0).map_err(|e| failed("read", e))?;
            Ok(bytes)
        };
        let end = Header::locate(&head(PREFIX)?).map_err(wrong)?.end;
        let header = Header::parse(&head(end)?).map_err(wrong)?;
        let (wanted, there) = (header.data_bytes() as u64, length - header.data_at as u64);
        if there != wanted {
            let relation = if there < wanted { "truncated" } else { "longer than its shape says" };
            return Err(wrong(format!(
                "{relation}: shape {:?} of {} takes {wanted} bytes, {there} follow the header",
                header.shape,
                header.dtype.name()
            )));
        }
        Ok(NpyFile { file, path: name, header })
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The file, as it was named.
    pub fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// An [`Error::File`] about this file.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Error {
        Error::File { path: self.path.clone(), what: what.into() }
    }

    /// That the file holds elements of `dtype` in `ndim` dimensions (any number where `None`).
    ///
    /// # Errors
    ///
    /// [`Error::File`] that names what it holds and what was asked for.
    pub fn expect(&self, dtype: Option<DType>, ndim: Option<usize>) -> Result<()> {
        let held = self.header.dtype;
        let Some(wanted) = dtype else {
            return Err(
                self.wrong(format!("it holds {}; elements of a user's own type cannot be read from it", held.name()))
            );
        };
        if held != wanted {
            let (held, wanted) = (held.name(), wanted.name());
            return Err(self.wrong(format!(
                "it holds {held} ({:?}), not {wanted}; open it as {held} and convert it with astype::<{wanted}>()",
                self.header.descr()
            )));
        }
        match ndim {
            Some(wanted) if wanted != self.header.shape.len() => Err(self.wrong(format!(
                "its shape {:?} has {n} dimensions, not {wanted}; open it with Ix{n} (0 to 6), or as DistArrayD with IxDyn",
                self.header.shape,
                n = self.header.shape.len()
            ))),
            _ => Ok(()),
        }
    }

    /// Reads all elements into `out`, in this machine's byte order and in the file's element order.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for bytes that are no value of the type (a `bool` other than 0 and 1) and for a file that became
    /// shorter; [`Error::Io`] where the system refuses. What `out` then holds is not specified.
    ///
    /// # Panics
    ///
    /// If `out` is not of [`Header::data_bytes`] bytes.
    pub fn read_into(&self, out: &mut [u8]) -> Result<()> {
        assert_eq!(out.len(), self.header.data_bytes(), "the place for the elements has another size");
        let threads =
            thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(out.len().div_ceil(CHUNK));
        if threads <= 1 {
            return out.chunks_mut(CHUNK).enumerate().try_for_each(|(i, chunk)| self.read_chunk(i, chunk));
        }
        let chunks = Mutex::new(out.chunks_mut(CHUNK).enumerate());
        let next = || chunks.lock().expect("nothing panics while it holds the lock").next();
        let work = || {
            while let Some((i, chunk)) = next() {
                self.read_chunk(i, chunk)?;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            let own = work();
            others.into_iter().fold(own, |result, other| result.and(other.join().expect("reading does not panic")))
        })
    }

    fn read_chunk(&self, index: usize, out: &mut [u8]) -> Result<()> {
        let at = (self.header.data_at + index * CHUNK) as u64;
        self.file.read_exact_at(out, at).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => self.wrong("it became shorter while it was read"),
            _ => Error::io(format!("read {}", self.path), e),
        })?;
        if self.header.dtype == DType::Bool {
            self.check_bools(index * CHUNK, out)?;
        }
        if self.header.swapped {
            swap_bytes(self.header.dtype, out);
        }
        Ok(())
    }

    /// That each byte of `bytes`, the elements from number `first` on, is 0 or 1.
    pub(super) fn check_bools(&self, first: usize, bytes: &[u8]) -> Result<()> {
        match bytes.iter().position(|&b| b > 1) {
            None => Ok(()),
            Some(i) => {
                Err(self.wrong(format!("element {} is no bool: its byte is {}, not 0 or 1", first + i, bytes[i])))
            }
        }
    }
}

/// Turns the bytes of each number around; a complex number is two numbers.
fn swap_bytes(dtype: DType, bytes: &mut [u8]) {
    fn turn<const N: usize>(bytes: &mut [u8]) {
        bytes.as_chunks_mut::<N>().0.iter_mut().for_each(|number| number.reverse());
    }
    match dtype {
        DType::Bool | DType::I8 | DType::U8 => {}
        DType::I16 | DType::U16 | DType::F16 | DType::BF16 => turn::<2>(bytes),
        DType::I32 | DType::U32 | DType::F32 | DType::C32 => turn::<4>(bytes),
        DType::I64 | DType::U64 | DType::F64 | DType::C64 => turn::<8>(bytes),
    }
}
