//! Writing an NPY file: into a temporary file beside it, synced to the disk, then renamed over it.

use super::Header;
use super::header::MAX_NDIM;
use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Bytes that a thread writes at a time.
const CHUNK: usize = 4 << 20;
/// Threads that write at once.
const THREADS: usize = 4;

/// Writes `header` and the elements `data` to `path`. Until it is complete and on the disk, what was at `path` stays;
/// a call that fails leaves nothing behind. A file that is replaced keeps its permissions, a symbolic link its target.
///
/// # Errors
///
/// [`Error::File`] where `path` is there and no regular file, or the array has more than 64 axes; [`Error::Io`] where the system refuses
/// (no space, no permission, no directory).
///
/// # Panics
///
/// If `data` is not of [`Header::data_bytes`] bytes, or `header` describes another byte order than this machine's.
pub fn save(path: &Path, header: &Header, data: &[u8]) -> Result<()> {
    assert_eq!(data.len(), header.data_bytes(), "the elements have another size than the header says");
    assert!(!header.swapped, "elements in memory have this machine's byte order");
    if header.shape.len() > MAX_NDIM {
        let what = format!("an array of {} axes; a file has at most {MAX_NDIM}, as NumPy's arrays", header.shape.len());
        return Err(Error::File { path: path.display().to_string(), what });
    }
    let failed = |what: &str, e: io::Error| Error::io(format!("{what} {}", path.display()), e);
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(e) if e.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(e) => return Err(failed("save to", e)),
    };
    let replaced = fs::metadata(&target).ok();
    if replaced.as_ref().is_some_and(|m| !m.is_file()) {
        return Err(Error::File { path: path.display().to_string(), what: "not a regular file".to_owned() });
    }
    let (file, temporary) = Temporary::beside(&target).map_err(|e| failed("save to", e))?;
    let written = || -> io::Result<()> {
        if let Some(replaced) = &replaced {
            file.set_permissions(replaced.permissions())?;
        }
        let head = header.encode();
        file.write_all_at(&head, 0)?;
        write_data(&file, head.len(), data)?;
        file.sync_all()?;
        temporary.rename(&target)?;
        // The new name is in the directory, and the directory has to reach the disk as well.
        File::open(directory(&target))?.sync_all()
    };
    written().map_err(|e| failed("save to", e))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn write_data(file: &File, at: usize, data: &[u8]) -> io::Result<()> {
    let chunks = Mutex::new(data.chunks(CHUNK).enumerate());
    let next = || chunks.lock().expect("nothing panics while it holds the lock").next();
    let work = || {
        while let Some((i, chunk)) = next() {
            file.write_all_at(chunk, (at + i * CHUNK) as u64)?;
        }
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(data.len().div_ceil(CHUNK));
    if threads <= 1 {
        return work();
    }
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        others.into_iter().fold(own, |result, other| result.and(other.join().expect("writing does not panic")))
    })
}

/// A file that is removed again unless it was renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// A new file in the directory of `target`: renaming works within one file system only.
    fn beside(target: &Path) -> io::Result<(File, Temporary)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = target.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
        loop {
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}-{}.tmp", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)));
            let path = directory(target).join(hidden);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, Temporary { path })),
                // Left by a process of the same number that was killed.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn rename(&self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After the rename there is nothing of this name; and where removing fails, nothing better can be done.
        let _ = fs::remove_file(&self.path);
    }
}
