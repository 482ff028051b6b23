//! What programs, maps, links and BTF have in common: pins, identifiers, information.

use super::{address_mut, attr, bpf, bpf_fd};
use aya_obj::generated::{bpf_btf_info, bpf_cmd};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Kinds of objects that have identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Programs; Linux 4.13.
    Program,
    /// BTF blobs; Linux 5.0.
    Btf,
}

/// `BPF_OBJ_PIN` (Linux 4.4): a new name under bpffs. The parent directory must exist, the name
/// must not, and holds no dot.
pub fn pin(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = attr();
    attr.__bindgen_anon_4.pathname = path.as_ptr() as u64;
    attr.__bindgen_anon_4.bpf_fd = fd.as_raw_fd() as u32;
    // SAFETY: the path is a string that ends in NUL and lives until the end of this function.
    unsafe { bpf(bpf_cmd::BPF_OBJ_PIN, &mut attr)? };
    Ok(())
}

/// `BPF_OBJ_GET` (Linux 4.4): opens what a name under bpffs stands for.
pub fn get_pinned(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = attr();
    attr.__bindgen_anon_4.pathname = path.as_ptr() as u64;
    // SAFETY: as in `pin`; the command returns a file descriptor.
    unsafe { bpf_fd(bpf_cmd::BPF_OBJ_GET, &mut attr) }
}

/// The identifiers of all BTF, ascending. One may be gone by the time that it is opened.
fn btf_ids() -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    let mut attr = attr();
    loop {
        attr.__bindgen_anon_6.__bindgen_anon_1.start_id = found.last().copied().unwrap_or(0);
        // SAFETY: the attributes hold no pointers.
        match unsafe { bpf(bpf_cmd::BPF_BTF_GET_NEXT_ID, &mut attr) } {
            // SAFETY: the kernel has written this member; it is an integer.
            Ok(_) => found.push(unsafe { attr.__bindgen_anon_6.next_id }),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(found),
            Err(error) => return Err(error),
        }
    }
}

/// Opens an object by its identifier.
pub fn by_id(kind: Kind, id: u32) -> io::Result<OwnedFd> {
    let command = match kind {
        Kind::Program => bpf_cmd::BPF_PROG_GET_FD_BY_ID,
        Kind::Btf => bpf_cmd::BPF_BTF_GET_FD_BY_ID,
    };
    let mut attr = attr();
    attr.__bindgen_anon_6.__bindgen_anon_1.start_id = id;
    // SAFETY: the attributes hold no pointers; the command returns a file descriptor.
    unsafe { bpf_fd(command, &mut attr) }
}

/// `BPF_OBJ_GET_INFO_BY_FD` (Linux 4.13).
///
/// # Safety
/// `T` must be the kernel's information structure of the object's kind, consisting of integers;
/// every pointer in it must be zero or valid for the length beside it.
pub(super) unsafe fn info<T>(fd: BorrowedFd<'_>, info: &mut T) -> io::Result<()> {
    let mut attr = attr();
    attr.info.bpf_fd = fd.as_raw_fd() as u32;
    attr.info.info_len = size_of::<T>() as u32;
    attr.info.info = std::ptr::from_mut(info) as u64;
    // SAFETY: `info` is valid for writes of the length given; the caller answers for the rest.
    unsafe { bpf(bpf_cmd::BPF_OBJ_GET_INFO_BY_FD, &mut attr)? };
    Ok(())
}

/// The BTF of a kernel module, to be passed in `fd_array` (Linux 5.11). None where no module of
/// that name is loaded, or it has no BTF.
pub fn btf_fd_of_module(module: &str) -> io::Result<Option<OwnedFd>> {
    for id in btf_ids()? {
        let Ok(fd) = by_id(Kind::Btf, id) else { continue };
        let mut name = [0u8; 64];
        // SAFETY: the structure consists of integers; its only pointer is to `name`, with its
        // length beside it.
        let info = unsafe {
            let mut value: bpf_btf_info = std::mem::zeroed();
            value.name = address_mut(&mut name);
            value.name_len = name.len() as u32;
            // A name that does not fit is no error that matters: it is not the one sought.
            match info(fd.as_fd(), &mut value) {
                Ok(()) => value,
                Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => continue,
                Err(error) => return Err(error),
            }
        };
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        if info.kernel_btf != 0 && &name[..end] == module.as_bytes() {
            return Ok(Some(fd));
        }
    }
    Ok(None)
}
