//! Where conntrack's own table lies, for programs that walk it.
//!
//! Such programs come with a map of the addresses of the kernel's variables: whoever loads them
//! writes these, and freezes the map. A kernel says them in /proc/kallsyms where it is built to
//! list its data (`CONFIG_KALLSYMS_ALL`) and does not hide them (`kernel.kptr_restrict` 2).
//! Without, the map holds zeros, and programs find connections by what their companion notes.
//!
//! How the table is hashed no symbol tells: Linux 6.5 and later mark what of a tuple is hashed, and
//! Linux 6.1 is known not to. Between these nobody walks.
//!
//! Where nf_conntrack is a module the addresses hold as long as it is loaded, and programs that
//! call its functions keep it.

use crate::symbols::Symbols;
use crate::sys::Map;
use crate::{Error, features};
use bpfc_artifact::{Artifact, KernelField, MapDef, MapRole};
use std::fs::File;
use std::io::{BufRead, BufReader};

/// What programs ask for, in the order of the map's value: the buckets, how many there are, the key
/// of the hash, and what changes when the table is exchanged (net/netfilter/nf_conntrack_core.c).
const VARIABLES: [&str; 4] = [
    "nf_conntrack_hash",
    "nf_conntrack_htable_size",
    "nf_conntrack_hash_rnd",
    "nf_conntrack_generation",
];

/// An address each.
pub(crate) type Place = [u64; VARIABLES.len()];

/// Sizes that programs rely on: of the tuple, and of it behind a list's node.
const SIZES: [(&str, u32); 2] = [("nf_conntrack_tuple", 40), ("nf_conntrack_tuple_hash", 56)];

/// True for the map of the variables.
pub(crate) fn is_place_of(map: &MapDef) -> bool {
    is_part(map, "conntrack table")
}

fn is_part(map: &MapDef, name: &str) -> bool {
    matches!(&map.role, MapRole::Object { object, part } if object.is_empty() && part == name)
}

/// True for the map of what a companion notes.
pub(crate) fn holds_notes(map: &MapDef) -> bool {
    is_part(map, "connections")
}

/// Where the table lies, where an artifact's programs ask for it and the running kernel says it.
/// Conntrack is there, or nobody knows. It reads all of /proc/kallsyms: once for a load.
pub(crate) fn find_for(artifact: &Artifact) -> Option<Place> {
    if artifact.maps.iter().any(is_place_of) { find() } else { None }
}

/// Takes the room for notes from an artifact that needs none.
pub(crate) fn forgo_notes(artifact: &mut Artifact) {
    for map in &mut artifact.maps {
        if holds_notes(map) {
            map.max_entries = 1;
        }
    }
}

/// The addresses, where the running kernel says them all.
fn listed() -> Option<Place> {
    addresses(BufReader::with_capacity(1 << 18, File::open("/proc/kallsyms").ok()?))
}

/// The same, where the table is known to be one that programs can walk.
fn find() -> Option<Place> {
    let found = listed()?;
    let mut symbols = Symbols::default();
    let sizes =
        SIZES.iter().all(|(name, size)| symbols.size(name).is_ok_and(|found| found == *size));
    let mut has = |structure: &str, member: &str| {
        let field = KernelField { structure: structure.into(), member: member.into(), size: 0 };
        symbols.has_field(&field).unwrap_or(false)
    };
    let hash = has("nf_conntrack_tuple", "dst.__nfct_hash_offsetend") || is_linux_6_1();
    let known = hash && has("net", "hash_mix") && sizes;
    known.then_some(found)
}

fn is_linux_6_1() -> bool {
    features::running_kernel().is_some_and(|kernel| (kernel.major, kernel.minor) == (6, 1))
}

/// Reads lines `ADDRESS TYPE NAME [MODULE]`. A name that stands for several places says none.
fn addresses(mut listing: impl BufRead) -> Option<Place> {
    let mut found = [0_u64; VARIABLES.len()];
    let mut line = Vec::new();
    while listing.read_until(b'\n', &mut line).ok()? > 0 {
        let mut words = line.split(u8::is_ascii_whitespace);
        if let (Some(address), Some(kind), Some(name)) = (words.next(), words.next(), words.next())
            && let Some(at) = VARIABLES.iter().position(|variable| variable.as_bytes() == name)
            && matches!(kind, b"b" | b"B" | b"d" | b"D" | b"r" | b"R")
        {
            let address = u64::from_str_radix(std::str::from_utf8(address).ok()?, 16).ok()?;
            if found[at] != 0 && found[at] != address {
                return None;
            }
            found[at] = address;
        }
        line.clear();
    }
    (!found.contains(&0)).then_some(found)
}

/// Tells programs where the table lies, if anybody knows.
pub(crate) fn tell(map: &Map, table: Option<Place>) -> Result<(), Error> {
    let failed = "tell programs where conntrack's table lies";
    if let Some(addresses) = table {
        let value: Vec<u8> = addresses.iter().flat_map(|address| address.to_ne_bytes()).collect();
        map.update(&[0; 4], &value).map_err(Error::kernel(failed))?;
    }
    map.freeze().map_err(Error::kernel(failed))
}

/// Refuses programs that were told another place than the table has now that they are loaded and
/// keep it.
pub(crate) fn require_still(told: Option<Place>) -> Result<(), Error> {
    if told.is_none() || listed() == told {
        return Ok(());
    }
    let source = std::io::Error::from(std::io::ErrorKind::ResourceBusy);
    Err(Error::Kernel {
        doing: "find conntrack's table, which was unloaded meanwhile".into(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "ffffffff82be0130 D net_namespace_list\n\
        ffffffffc02b0050 b nf_conntrack_hash_rnd\t[nf_conntrack]\n\
        ffffffffc028f390 t nf_conntrack_hash_sysctl\t[nf_conntrack]\n\
        ffffffffc02ae0e4 d nf_conntrack_generation\t[nf_conntrack]\n\
        ffffffffc02ae0ec d nf_conntrack_htable_size\t[nf_conntrack]\n\
        ffffffffc02ae100 d nf_conntrack_hash\t[nf_conntrack]\n";

    #[test]
    fn addresses_are_known_all_or_none() {
        let known = [0xffff_ffff_c02a_e100, 0xffff_ffff_c02a_e0ec, 0xffff_ffff_c02b_0050];
        let found = addresses(LISTING.as_bytes()).unwrap();
        assert_eq!((&found[..3], found[3]), (&known[..], 0xffff_ffff_c02a_e0e4));
        // Functions alone, hidden addresses, two of one name.
        let functions = LISTING.replace(" d ", " t ");
        let hidden = LISTING
            .lines()
            .map(|line| format!("0000000000000000{}\n", &line[16..]))
            .collect::<String>();
        let twice = format!("{LISTING}ffffffffc0300000 b nf_conntrack_hash\t[other]\n");
        for text in [functions, hidden, twice, String::new()] {
            assert_eq!(addresses(text.as_bytes()), None, "{text}");
        }
    }
}
