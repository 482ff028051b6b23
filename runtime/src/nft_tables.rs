//! Which tables of iptables-nft hold something, asked of nf_tables by netlink.
//!
//! iptables-nft keeps its rules in tables of nf_tables that have iptables' names, in chains that
//! have iptables' names and hang on hooks. Reading the legacy tables shows nothing of them. Chains
//! alone are asked for: the kernel tells of each how often it is used, which for a chain on a hook
//! is the number of its rules.
//!
//! The tables are those of the calling thread's network namespace. CAP_NET_ADMIN in it is needed.

use crate::netlink::{self, Attributes};
use bpfc_artifact::Family;
use std::collections::BTreeSet;
use std::io;

/// `NFNL_SUBSYS_NFTABLES`, `NFT_MSG_GETCHAIN` and `NLM_F_DUMP`.
const NF_TABLES: u16 = 10;
const GET_CHAIN: u16 = 4;
const DUMP: u16 = 0x300;
/// `NFPROTO_IPV4` and `NFPROTO_IPV6`.
const IPV4: u8 = 2;
const IPV6: u8 = 10;
/// `NFTA_CHAIN_TABLE`, `_NAME`, `_HOOK`, `_POLICY` and `_USE`.
const TABLE: u16 = 1;
const NAME: u16 = 3;
const HOOK: u16 = 4;
const POLICY: u16 = 5;
const USE: u16 = 6;
/// `NF_ACCEPT`.
const ACCEPT: u32 = 1;

const TABLES: [&str; 5] = ["filter", "mangle", "nat", "raw", "security"];
const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

/// The names of the tables of iptables-nft in which a base chain has rules or a policy other than
/// ACCEPT, sorted; none where the kernel has no nf_tables.
///
/// # Errors
/// When the kernel does not tell.
pub fn filled(family: Family) -> io::Result<Vec<String>> {
    let number = match family {
        Family::Ipv4 => IPV4,
        Family::Ipv6 => IPV6,
    };
    let mut found = BTreeSet::new();
    let asked =
        netlink::ask_family(number, NF_TABLES, GET_CHAIN, DUMP, &Attributes::default(), |chain| {
            found.extend(filled_table(chain));
            Ok(())
        });
    match asked {
        Ok(()) => Ok(found.into_iter().collect()),
        // Nobody answers for the subsystem.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP)) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// The table of a base chain of iptables-nft's that does something.
fn filled_table(chain: &[u8]) -> Option<String> {
    let mut table = None;
    let mut name = None;
    let (mut hooked, mut policy, mut used) = (false, ACCEPT, 0);
    for (kind, payload) in netlink::attributes(chain) {
        match kind {
            TABLE => table = text(payload),
            NAME => name = text(payload),
            HOOK => hooked = true,
            POLICY => policy = number(payload)?,
            USE => used = number(payload)?,
            _ => {}
        }
    }
    let (table, name) = (table?, name?);
    let is_theirs = hooked && TABLES.contains(&table) && CHAINS.contains(&name);
    (is_theirs && (policy != ACCEPT || used > 0)).then(|| table.to_owned())
}

fn text(payload: &[u8]) -> Option<&str> {
    let end = payload.iter().position(|&byte| byte == 0).unwrap_or(payload.len());
    std::str::from_utf8(&payload[..end]).ok()
}

fn number(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(table: &str, name: &str, hooked: bool, policy: u32, used: u32) -> Option<String> {
        let mut chain = Attributes::default().string(TABLE, table).string(NAME, name);
        if hooked {
            chain = chain.nested(HOOK, Attributes::default()).number(POLICY, policy);
        }
        filled_table(chain.number(USE, used).bytes())
    }

    #[test]
    fn chains_that_do_something_name_their_table() {
        assert_eq!(chain("filter", "INPUT", true, 0, 0).as_deref(), Some("filter"));
        assert_eq!(chain("filter", "INPUT", true, ACCEPT, 3).as_deref(), Some("filter"));
        assert_eq!(chain("filter", "INPUT", true, ACCEPT, 0), None);
        assert_eq!(chain("filter", "DOCKER", false, ACCEPT, 3), None);
        assert_eq!(chain("mine", "INPUT", true, 0, 3), None);
        assert_eq!(chain("filter", "input", true, 0, 3), None);
        assert_eq!(filled_table(&[]), None);
    }
}
