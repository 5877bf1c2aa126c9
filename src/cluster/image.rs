//! The program's own image in memory: which addresses are its constants, which program it is, and its start-up functions.
//!
//! All of the `unsafe` here reads what the dynamic loader says about the image that holds this very code.

use std::ffi::{c_char, c_int, c_void};
use std::ops::Range;
use std::sync::OnceLock;

use nix::libc;

/// What is known about the image that this code is in.
pub(super) struct Image {
    /// What offsets count from.
    pub(super) base: usize,
    /// Whether it is the executable itself, not a library that some other program has loaded.
    pub(super) is_executable: bool,
    /// Addresses that are never written after loading.
    constants: Vec<Range<usize>>,
    /// Addresses of machine code.
    code: Vec<Range<usize>>,
    /// The linker's build id, or a hash of the constants where there is none.
    pub(super) identity: u64,
    /// The functions that run before `main`, in order.
    init_array: Range<usize>,
}

/// A start-up function, as the C library calls it.
pub(super) type Initialiser = extern "C" fn(c_int, *const *const c_char, *const *const c_char);

impl Image {
    /// The image of this code.
    pub(super) fn own() -> &'static Image {
        static OWN: OnceLock<Image> = OnceLock::new();
        OWN.get_or_init(Image::find)
    }

    /// The offset of something that lies in the image.
    pub(super) fn offset(&self, address: usize) -> u64 {
        address.wrapping_sub(self.base) as u64
    }

    /// The address at `offset`, if `size` bytes from there on are constants of the image and aligned to `align`.
    pub(super) fn constant(&self, offset: u64, size: usize, align: usize) -> Option<usize> {
        let start = self.base.checked_add(usize::try_from(offset).ok()?)?;
        let end = start.checked_add(size)?;
        let inside = self.constants.iter().any(|range| range.start <= start && end <= range.end);
        (inside && start.is_multiple_of(align)).then_some(start)
    }

    /// Whether a function of the image may begin at `address`.
    pub(super) fn is_code(&self, address: usize) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }

    /// The start-up functions that come after `this` one.
    pub(super) fn initialisers_after(&self, this: Initialiser) -> Vec<Initialiser> {
        let count = self.init_array.len() / size_of::<usize>();
        let first = self.init_array.start as *const usize;
        // SAFETY: the range is DT_INIT_ARRAY of a loaded image: aligned pointers, mapped for the life of the process,
        // relocated before the first of them is called.
        let all = (0..count).map(|index| unsafe { first.add(index).read() });
        let after = all.skip_while(|&address| address != this as usize).skip(1);
        // 0 and -1 are padding by convention; the loader skips them too.
        let callable = after.filter(|&address| address != 0 && address != usize::MAX);
        // SAFETY: the entries of DT_INIT_ARRAY are functions of exactly this type (System V ABI, as glibc calls them).
        callable.map(|address| unsafe { std::mem::transmute::<usize, Initialiser>(address) }).collect()
    }

    fn find() -> Image {
        let mut search = Search { code: Image::find as fn() -> Image as usize, index: 0, found: None };
        // SAFETY: `visit` is called with valid `dl_phdr_info`s and with `search`, which outlives the call and is used by
        // nobody else meanwhile.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
        search.found.expect("the code that runs lies in a loaded image")
    }
}

struct Search {
    code: usize,
    index: usize,
    found: Option<Image>,
}

extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: libc::size_t, search: *mut c_void) -> c_int {
    // SAFETY: `dl_iterate_phdr` passes a valid info and the pointer that `find` gave it, a live `Search`.
    let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
    // SAFETY: the loader guarantees `dlpi_phnum` program headers at `dlpi_phdr`.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let base = info.dlpi_addr as usize;
    let range = |header: &libc::Elf64_Phdr| {
        let start = base.wrapping_add(header.p_vaddr as usize);
        start..start.wrapping_add(header.p_memsz as usize)
    };
    let loads = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
    let is_executable = search.index == 0;
    search.index += 1;
    if !loads().any(|header| range(header).contains(&search.code)) {
        return 0;
    }
    let code = loads().filter(|header| header.p_flags & libc::PF_X != 0).map(range).collect();
    let read_only = || loads().filter(|header| header.p_flags & (libc::PF_W | libc::PF_X) == 0).map(range);
    let mut constants: Vec<_> = read_only().collect();
    constants.extend(headers.iter().filter(|header| header.p_type == libc::PT_GNU_RELRO).map(range));
    let identity = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_NOTE)
        .find_map(|header| build_id(bytes(range(header))))
        .unwrap_or_else(|| hash(read_only().next().map_or(&[], bytes)));
    let dynamic = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC).map(range);
    let init_array = dynamic.map_or(0..0, |range| init_array(bytes(range), base));
    search.found = Some(Image { base, is_executable, constants, code, identity, init_array });
    1
}

/// The bytes of a loaded, readable segment.
fn bytes(range: Range<usize>) -> &'static [u8] {
    // SAFETY: called with ranges of program headers of a loaded image, which stay mapped and readable; notes and
    // read-only segments are never written, and the dynamic section not after the image was relocated.
    unsafe { std::slice::from_raw_parts(range.start as *const u8, range.len()) }
}

/// The build id among the notes of a segment, hashed to 64 bits.
fn build_id(mut notes: &[u8]) -> Option<u64> {
    const NT_GNU_BUILD_ID: usize = 3;
    while let Some((header, rest)) = notes.split_at_checked(12) {
        let word = |at: usize| u32::from_ne_bytes(header[at..at + 4].try_into().expect("4 bytes")) as usize;
        let (name_len, id_len, kind) = (word(0), word(4), word(8));
        let id_at = name_len.checked_next_multiple_of(4)?;
        let id = rest.get(id_at..id_at.checked_add(id_len)?)?;
        if kind == NT_GNU_BUILD_ID && rest.get(..name_len)? == b"GNU\0" {
            return Some(hash(id));
        }
        notes = rest.get(id_at.checked_add(id_len)?.checked_next_multiple_of(4)?..)?;
    }
    None
}

/// Where the start-up functions are, from the dynamic section.
fn init_array(dynamic: &[u8], base: usize) -> Range<usize> {
    const DT_INIT_ARRAY: usize = 25;
    const DT_INIT_ARRAYSZ: usize = 27;
    let (mut start, mut len) = (0usize, 0);
    for entry in dynamic.chunks_exact(16) {
        let word = |at: usize| usize::from_ne_bytes(entry[at..at + 8].try_into().expect("8 bytes"));
        match word(0) {
            0 => break,
            DT_INIT_ARRAY => start = word(8),
            DT_INIT_ARRAYSZ => len = word(8),
            _ => {}
        }
    }
    // Relative to the base, unless a loader has already relocated it.
    let start = if start != 0 && start < base { base + start } else { start };
    start..start + len
}

/// FNV-1a: names a program, protects nothing.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_of_the_image_are_found_and_nothing_else() {
        static CONSTANT: [u64; 4] = [1, 2, 3, 4];
        let image = Image::own();
        let offset = image.offset(CONSTANT.as_ptr() as usize);
        assert_eq!(image.constant(offset, 32, 8), Some(CONSTANT.as_ptr() as usize));
        assert_eq!(image.constant(offset + 1, 8, 8), None, "misaligned");
        let boxed = Box::new(5u64);
        assert_eq!(image.constant(image.offset(&raw const *boxed as usize), 8, 8), None, "heap");
        assert_eq!(image.constant(u64::MAX, 8, 8), None);
        assert_eq!(image.constant(offset, usize::MAX, 8), None);
        assert!(image.is_executable);
        assert_ne!(image.identity, 0);
    }

    #[test]
    fn notes_that_lie_about_their_length_are_no_build_id() {
        let note = |name: u32, id: u32| [name.to_ne_bytes(), id.to_ne_bytes(), 3u32.to_ne_bytes(), *b"GNU\0"].concat();
        assert_eq!(build_id(&note(4, 20)), None);
        assert_eq!(build_id(&note(u32::MAX, u32::MAX)), None);
        assert_eq!(build_id(&[0; 7]), None);
        assert_eq!(build_id(&[note(4, 4), vec![1, 2, 3, 4]].concat()), Some(hash(&[1, 2, 3, 4])));
    }
}
