//! `getsockopt(2)` with a buffer that the kernel reads and fills, as ip_tables uses it.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Asks a socket for an option. `buffer` holds the question and takes the answer. Gives the
/// answer's length, at most the buffer's.
pub fn getsockopt(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(buffer.len())
        .map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))?;
    // SAFETY: the kernel reads and writes at most `length` bytes of the buffer, which is
    // exclusively ours and that long, and writes `length`, a local, before it returns.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            buffer.as_mut_ptr().cast(),
            std::ptr::from_mut(&mut length),
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(buffer.len().min(length as usize))
}
