//! Reads the tables of iptables-legacy from the running kernel.
//!
//! A raw socket answers two questions about a table
//! (include/uapi/linux/netfilter_ipv4/ip_tables.h): `IPT_SO_GET_INFO` gives `struct ipt_getinfo`,
//! where base chains begin and how large the table is; `IPT_SO_GET_ENTRIES` gives `struct
//! ipt_get_entries`, the rules with their counters. The two answers, one after the other, are what
//! the front end reads as a table in live form.
//!
//! Rules of iptables-nft are not there: they live in nf_tables.
//!
//! The tables are those of the calling thread's network namespace. CAP_NET_ADMIN and CAP_NET_RAW
//! in it are needed. Any kernel with ip_tables answers; asking for a table that the kernel knows
//! and the namespace lacks creates it, so ask only for what [`tables`] lists.

use crate::sys;
use bpfc_artifact::Family;
use rustix::net::{AddressFamily, SocketType, ipproto, socket};
use std::os::fd::{AsFd as _, OwnedFd};
use std::{fs, io};

/// Why the kernel's tables cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No socket could be opened, usually for want of CAP_NET_RAW.
    #[error("no raw socket could be opened to read the kernel's tables: {0}")]
    Socket(#[source] io::Error),
    /// The list of tables is there, but cannot be read.
    #[error("{path} cannot be read: {source}")]
    List {
        /// The file.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A name that no table can have: longer than 31 bytes, or with a NUL.
    #[error("'{0}' cannot be the name of a table")]
    Name(String),
    /// The kernel does not tell.
    #[error("the kernel's table '{table}' cannot be read: {source}")]
    Read {
        /// The table.
        table: String,
        /// Why.
        source: io::Error,
    },
    /// Others replaced the table again and again while it was read.
    #[error("the kernel's table '{0}' kept changing while it was read")]
    Changing(String),
}

const GET_INFO: libc::c_int = 64;
const GET_ENTRIES: libc::c_int = 65;
const NAME: usize = 32;
const INFO: usize = 84;
const INFO_SIZE: usize = 80;
const ENTRIES_HEADER: usize = 40;
const ATTEMPTS: usize = 16;

fn raw_socket(family: Family) -> io::Result<OwnedFd> {
    let family = match family {
        Family::Ipv4 => AddressFamily::INET,
        Family::Ipv6 => AddressFamily::INET6,
    };
    Ok(socket(family, SocketType::RAW, Some(ipproto::RAW))?)
}

fn level(family: Family) -> libc::c_int {
    match family {
        Family::Ipv4 => libc::IPPROTO_IP,
        Family::Ipv6 => libc::IPPROTO_IPV6,
    }
}

fn list(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "/proc/thread-self/net/ip_tables_names",
        Family::Ipv6 => "/proc/thread-self/net/ip6_tables_names",
    }
}

/// The tables that this network namespace has, sorted; none where ip_tables is not loaded.
///
/// # Errors
/// [`TableError::List`].
pub fn tables(family: Family) -> Result<Vec<String>, TableError> {
    let path = list(family);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TableError::List { path, source }),
    };
    let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
    names.sort_unstable();
    Ok(names)
}

/// One table: 84 bytes of `struct ipt_getinfo`, 40 of `struct ipt_get_entries`, the entries.
///
/// # Errors
/// All of [`TableError`] but `List`. A table that does not exist is a `Read` with `ENOENT`.
pub fn read_table(family: Family, table: &str) -> Result<Vec<u8>, TableError> {
    let mut name = [0; NAME];
    if table.len() >= NAME || table.contains('\0') {
        return Err(TableError::Name(table.to_owned()));
    }
    name[..table.len()].copy_from_slice(table.as_bytes());
    let socket = raw_socket(family).map_err(TableError::Socket)?;
    let failed = |source| TableError::Read { table: table.to_owned(), source };
    let ask = |option, buffer: &mut [u8]| {
        let length = buffer.len();
        match sys::getsockopt(socket.as_fd(), level(family), option, buffer)? {
            answered if answered == length => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
        }
    };
    for _ in 0..ATTEMPTS {
        let mut info = [0; INFO];
        info[..NAME].copy_from_slice(&name);
        let mut after = info;
        ask(GET_INFO, &mut info).map_err(failed)?;
        let size: [u8; 4] = [0, 1, 2, 3].map(|index| info[INFO_SIZE + index]);
        let mut answer = vec![0; INFO + ENTRIES_HEADER + u32::from_ne_bytes(size) as usize];
        let (head, entries) = answer.split_at_mut(INFO);
        head.copy_from_slice(&info);
        entries[..NAME].copy_from_slice(&name);
        entries[NAME..NAME + 4].copy_from_slice(&size);
        match ask(GET_ENTRIES, entries) {
            // The kernel says so where the size is not the table's any more.
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => continue,
            result => result.map_err(failed)?,
        }
        ask(GET_INFO, &mut after).map_err(failed)?;
        if after == info {
            return Ok(answer);
        }
    }
    Err(TableError::Changing(table.to_owned()))
}

/// Every table of this network namespace, one after the other: empty where it has none.
///
/// # Errors
/// As of [`tables`] and [`read_table`].
pub fn read_tables(family: Family) -> Result<Vec<u8>, TableError> {
    let mut all = Vec::new();
    for table in tables(family)? {
        all.extend(read_table(family, &table)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_the_kernel_is_asked() {
        for name in ["x".repeat(32).as_str(), "fil\0ter"] {
            assert!(matches!(read_table(Family::Ipv4, name), Err(TableError::Name(_))));
        }
    }
}
