//! Whether the legacy tables or the sets of ipset are others than when they were last looked at.
//!
//! Counters and what is left of timeouts change with packets and time: they are passed over.

use crate::digest::of_bytes;
use crate::{ipset, xtables};
use bpfc_artifact::Family;

/// What is looked at, and a digest of what was found.
#[derive(Debug)]
pub(super) struct Looked {
    what: What,
    digest: Option<[u8; 32]>,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Tables(Family),
    Sets,
}

impl Looked {
    pub fn tables(family: Family) -> Looked {
        Looked::at(What::Tables(family))
    }

    pub fn sets() -> Looked {
        Looked::at(What::Sets)
    }

    fn at(what: What) -> Looked {
        Looked { what, digest: what.digest() }
    }

    /// Whether it is another than at the last question. What cannot be read is as it was: whoever
    /// reads it next is told why.
    pub fn changed(&mut self) -> bool {
        match self.what.digest() {
            None => false,
            now if now == self.digest => false,
            now => {
                self.digest = now;
                true
            }
        }
    }
}

impl What {
    fn digest(self) -> Option<[u8; 32]> {
        match self {
            What::Tables(family) => {
                xtables::read_tables(family).ok().map(|bytes| of_bytes(&uncounted(bytes, family)))
            }
            What::Sets => ipset::save().ok().map(|text| of_bytes(&lasting(&text))),
        }
    }
}

/// Tables in live form with counters of 0 (include/uapi/linux/netfilter_ipv4/ip_tables.h and
/// netfilter_ipv6/ip6_tables.h: `struct ipt_entry`, `struct ip6t_entry`).
fn uncounted(mut bytes: Vec<u8>, family: Family) -> Vec<u8> {
    /// `struct ipt_getinfo`, whose `size` is at 80, and `struct ipt_get_entries`.
    const INFO: usize = 84;
    const SIZE: usize = 80;
    const HEADER: usize = 40;
    let (next, counters) = match family {
        Family::Ipv4 => (90, 96),
        Family::Ipv6 => (142, 152),
    };
    let mut table = 0;
    while let Some(size) = bytes.get(table + SIZE..).and_then(|rest| rest.first_chunk()) {
        let start = table + INFO + HEADER;
        let end = start + u32::from_ne_bytes(*size) as usize;
        let mut entry = start;
        while entry < end {
            let Some(counted) = bytes.get_mut(entry + counters..entry + counters + 16) else {
                return bytes;
            };
            counted.fill(0);
            let length = bytes.get(entry + next..).and_then(|rest| rest.first_chunk());
            match length.map(|length| usize::from(u16::from_ne_bytes(*length))) {
                Some(length) if length > 0 => entry += length,
                _ => return bytes,
            }
        }
        table = end;
    }
    bytes
}

/// What `ipset save` says, without what is left of timeouts and what elements have counted.
fn lasting(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    for line in text.split(|&byte| byte == b'\n') {
        let is_element = line.starts_with(b"add ");
        let mut words = line.split(|&byte| byte == b' ');
        while let Some(word) = words.next() {
            if is_element && matches!(word, b"timeout" | b"packets" | b"bytes") {
                words.next();
                continue;
            }
            kept.extend(word);
            kept.push(b' ');
        }
        kept.push(b'\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_time_changes_is_passed_over() {
        let [a, b] = [
            "create s hash:ip timeout 60\nadd s 192.0.2.1 timeout 59 packets 1 bytes 28\n",
            "create s hash:ip timeout 60\nadd s 192.0.2.1 timeout 7 packets 3 bytes 84\n",
        ]
        .map(|text| lasting(text.as_bytes()));
        assert_eq!(a, b);
        assert_ne!(a, lasting(b"create s hash:ip timeout 61\nadd s 192.0.2.1 timeout 59\n"));
        assert_ne!(a, lasting(b"create s hash:ip timeout 60\nadd s 192.0.2.2 timeout 59\n"));
    }

    #[test]
    fn counters_of_every_entry_are_passed_over() {
        let table = |counted: u8, address: u8| {
            let mut bytes = vec![0; 84 + 40];
            bytes[80..84].copy_from_slice(&(2 * 112u32).to_ne_bytes());
            for _ in 0..2 {
                let mut entry = vec![0; 112];
                entry[0] = address;
                entry[90..92].copy_from_slice(&112u16.to_ne_bytes());
                entry[96..112].fill(counted);
                bytes.extend(entry);
            }
            bytes
        };
        let all = |counted, address| {
            let two = [table(counted, address), table(counted, address)].concat();
            uncounted(two, Family::Ipv4)
        };
        assert_eq!(all(1, 7), all(2, 7));
        assert_ne!(all(1, 7), all(1, 8));
        // Cut off anywhere it ends.
        for length in 0..600 {
            let mut cut = [table(1, 1), table(1, 1)].concat();
            cut.truncate(length);
            assert_eq!(uncounted(cut, Family::Ipv4).len(), length.min(696));
        }
    }
}
