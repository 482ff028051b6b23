//! Programs and their BTF: loading with the verifier's log, information.

use super::object::{self, Kind};
use super::{address, address_mut, attr, bpf_fd, object_name, read_name};
use aya_obj::generated::{bpf_cmd, bpf_prog_info};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};

/// `BPF_PROG_LOAD`'s arguments.
#[derive(Clone, Copy, Debug)]
pub struct LoadRequest<'a> {
    /// Up to 15 bytes are kept.
    pub name: &'a str,
    /// `enum bpf_prog_type`.
    pub kind: u32,
    /// `enum bpf_attach_type` where the type wants one at load, 0 otherwise.
    pub expected_attach_type: u32,
    /// Eight bytes an instruction.
    pub insns: &'a [u64],
    /// BTF with the tables that refer to it: `func_info` of 8 bytes a record, `line_info` of 16.
    pub btf: Option<(BorrowedFd<'a>, &'a [u8], &'a [u8])>,
    /// BTF of modules for kernel functions; entry 0 is not used. Empty without such calls.
    pub fd_array: &'a [RawFd],
}

/// A program that the kernel refused.
#[derive(Debug)]
pub struct LoadFailure {
    /// Its error number.
    pub error: io::Error,
    /// The verifier's log; empty where it did not get that far.
    pub log: String,
}

/// An open program.
#[derive(Debug)]
pub struct Program {
    fd: OwnedFd,
}

/// What the kernel says of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramInfo {
    /// Identifier, as `bpftool prog` shows it.
    pub id: u32,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// Bytes of instructions after the verifier's rewriting.
    pub translated_bytes: u32,
    /// Bytes of machine code; 0 without JIT.
    pub machine_bytes: u32,
    /// Instructions that the verifier processed; Linux 5.16, 0 before.
    pub verified_insns: u32,
}

/// The largest log the kernel takes (`UINT_MAX >> 2`, kernel/bpf/log.c) is a gigabyte; beyond
/// this size only the end of a log is kept, which is what holds the reason.
const LARGEST_LOG: usize = 64 << 20;
/// `BPF_LOG_LEVEL1`.
const LOG_VERBOSE: u32 = 1;

impl Program {
    /// `BPF_PROG_LOAD`. Loads without a log, which is fast; on failure again with one whose buffer
    /// grows until the log fits.
    pub fn load(request: &LoadRequest<'_>) -> Result<Program, LoadFailure> {
        let error = match load_once(request, &mut []) {
            Ok(program) => return Ok(program),
            Err(error) => error,
        };
        let mut size = 64 << 10;
        loop {
            let mut log = vec![0; size];
            match load_once(request, &mut log) {
                // The first failure was a passing one.
                Ok(program) => return Ok(program),
                Err(again) => {
                    if again.raw_os_error() == Some(libc::ENOSPC) && size < LARGEST_LOG {
                        size *= 8;
                        continue;
                    }
                    let end = log.iter().position(|byte| *byte == 0).unwrap_or(log.len());
                    log.truncate(end);
                    return Err(LoadFailure {
                        error,
                        log: String::from_utf8_lossy(&log).into_owned(),
                    });
                }
            }
        }
    }

    /// The program behind a file descriptor.
    pub fn from_fd(fd: OwnedFd) -> Program {
        Program { fd }
    }

    /// The program with this identifier.
    pub fn by_id(id: u32) -> io::Result<Program> {
        object::by_id(Kind::Program, id).map(Program::from_fd)
    }

    /// What the kernel says of it.
    pub fn info(&self) -> io::Result<ProgramInfo> {
        // SAFETY: `bpf_prog_info` consists of integers; an all-zero value asks for no arrays.
        let info = unsafe {
            let mut info: bpf_prog_info = std::mem::zeroed();
            object::info(self.fd.as_fd(), &mut info)?;
            info
        };
        Ok(ProgramInfo {
            id: info.id,
            name: read_name(&info.name),
            translated_bytes: info.xlated_prog_len,
            machine_bytes: info.jited_prog_len,
            verified_insns: info.verified_insns,
        })
    }
}

impl AsFd for Program {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn load_once(request: &LoadRequest<'_>, log: &mut [u8]) -> io::Result<Program> {
    let license = c"GPL";
    let mut attr = attr();
    attr.__bindgen_anon_3.prog_type = request.kind;
    attr.__bindgen_anon_3.expected_attach_type = request.expected_attach_type;
    attr.__bindgen_anon_3.insn_cnt = request.insns.len() as u32;
    attr.__bindgen_anon_3.insns = address(request.insns);
    attr.__bindgen_anon_3.license = license.as_ptr() as u64;
    attr.__bindgen_anon_3.prog_name = object_name(request.name);
    if let Some((btf, func_info, line_info)) = request.btf {
        attr.__bindgen_anon_3.prog_btf_fd = btf.as_raw_fd() as u32;
        attr.__bindgen_anon_3.func_info_rec_size = 8;
        attr.__bindgen_anon_3.func_info = address(func_info);
        attr.__bindgen_anon_3.func_info_cnt = (func_info.len() / 8) as u32;
        attr.__bindgen_anon_3.line_info_rec_size = 16;
        attr.__bindgen_anon_3.line_info = address(line_info);
        attr.__bindgen_anon_3.line_info_cnt = (line_info.len() / 16) as u32;
    }
    if !request.fd_array.is_empty() {
        attr.__bindgen_anon_3.fd_array = address(request.fd_array);
    }
    if !log.is_empty() {
        attr.__bindgen_anon_3.log_level = LOG_VERBOSE;
        attr.__bindgen_anon_3.log_buf = address_mut(log);
        attr.__bindgen_anon_3.log_size = log.len() as u32;
    }
    let mut attempts = 0;
    loop {
        // SAFETY: instructions, the two tables and the log are slices whose lengths stand beside
        // them; the licence ends in NUL; the kernel reads `fd_array` at the indices that the
        // instructions name, which the linker takes from this very slice.
        match unsafe { bpf_fd(bpf_cmd::BPF_PROG_LOAD, &mut attr) } {
            Ok(fd) => return Ok(Program { fd }),
            // The verifier gives way to signals; five attempts are what libbpf makes, too.
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) && attempts < 5 => {
                attempts += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// `BPF_BTF_LOAD` (Linux 4.18).
pub fn load_btf(blob: &[u8]) -> io::Result<OwnedFd> {
    let mut attr = attr();
    attr.__bindgen_anon_7.btf = address(blob);
    attr.__bindgen_anon_7.btf_size = blob.len() as u32;
    // SAFETY: the blob is a slice, its length beside it; the command returns a file descriptor.
    unsafe { bpf_fd(bpf_cmd::BPF_BTF_LOAD, &mut attr) }
}
