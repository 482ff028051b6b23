//! What a match or target extension is.
//!
//! An extension is one module: a static descriptor (its names, options, kernel revisions and the
//! conditions under which the kernel takes it) and an instance type that prints, lowers and
//! evaluates itself. One row in [`crate::registry`] makes both readers know it. Instances are
//! immutable and shared: `-s a,b` makes several rules of one line.

use crate::lower::RuleCx;
use crate::options::{OptionSpec, Options, Problem};
use crate::reference::{Outcome, View};
use crate::{Header, Memory};
use bpfc_ir::{Family, Hook, SetTable, Verdict, raw};
use std::fmt::Debug;
use std::sync::Arc;

/// The families an extension exists in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// iptables only.
    Ipv4,
    /// ip6tables only.
    Ipv6,
    /// Both.
    Both,
}

impl Families {
    /// Whether a family is among them.
    pub fn contains(self, family: Family) -> bool {
        match self {
            Families::Ipv4 => family == Family::Ipv4,
            Families::Ipv6 => family == Family::Ipv6,
            Families::Both => true,
        }
    }
}

/// A match extension's descriptor.
#[derive(Debug)]
pub struct MatchExtension {
    /// As `-m` takes it and as the kernel's structs name it.
    pub name: &'static str,
    /// Further names that `-m` takes.
    pub aliases: &'static [&'static str],
    /// Where it exists.
    pub families: Families,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// The protocols one of which `-p` must name, not inverted; empty where the kernel takes any.
    pub protocols: &'static [u8],
    /// The hooks whose chains may use it; empty where the kernel takes any.
    pub hooks: &'static [Hook],
    /// Makes an instance of the given options.
    pub parse: fn(&Options<'_>) -> Result<Arc<dyn Match>, Problem>,
    /// The kernel structs it can be read from.
    pub revisions: &'static [Revision<dyn Match>],
}

/// A target extension's descriptor.
#[derive(Debug)]
pub struct ActionExtension {
    /// As `-j` takes it and as the kernel's structs name it.
    pub name: &'static str,
    /// Where it exists.
    pub families: Families,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// The tables whose chains may use it; empty where the kernel takes any.
    pub tables: &'static [&'static str],
    /// Makes an instance of the given options.
    pub parse: fn(&Options<'_>) -> Result<Arc<dyn Action>, Problem>,
    /// The kernel structs it can be read from.
    pub revisions: &'static [Revision<dyn Action>],
}

/// One revision of an extension's kernel struct.
pub struct Revision<T: ?Sized> {
    /// Its number.
    pub number: u8,
    /// Bytes after the 32-byte match or target header, rounded up to 8 as blobs hold them.
    pub size: usize,
    /// Reads the struct from exactly `size` bytes; the error is a sentence that says what is
    /// wrong with a value.
    pub decode: fn(Fields<'_>, &DecodeCx<'_>) -> Result<Arc<T>, String>,
}

impl<T: ?Sized> Debug for Revision<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revision").field("number", &self.number).field("size", &self.size).finish()
    }
}

/// What surrounds a kernel struct that is decoded.
#[derive(Debug)]
pub struct DecodeCx<'a> {
    /// The blob's family.
    pub family: Family,
    /// The rule's header.
    pub header: &'a Header,
    /// The sets, with the numbers by which structs name them.
    pub sets: &'a SetTable,
}

/// A kernel struct's bytes; reads past its end, which a revision's size rules out, are 0.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// `N` bytes from an offset.
    pub fn bytes<const N: usize>(self, offset: usize) -> [u8; N] {
        self.0.get(offset..offset + N).and_then(|s| s.try_into().ok()).unwrap_or([0; N])
    }

    /// All bytes of a range.
    pub fn slice(self, offset: usize, length: usize) -> &'a [u8] {
        self.0.get(offset..offset + length).unwrap_or(&[])
    }

    /// A byte.
    pub fn u8(self, offset: usize) -> u8 {
        self.bytes::<1>(offset)[0]
    }

    /// A number in the machine's byte order.
    pub fn u16(self, offset: usize) -> u16 {
        u16::from_ne_bytes(self.bytes(offset))
    }

    /// A number in the machine's byte order.
    pub fn u32(self, offset: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(offset))
    }

    /// A number in network byte order.
    pub fn be16(self, offset: usize) -> u16 {
        u16::from_be_bytes(self.bytes(offset))
    }

    /// A number in network byte order.
    pub fn be32(self, offset: usize) -> u32 {
        u32::from_be_bytes(self.bytes(offset))
    }

    /// A byte that must be 0 or 1.
    ///
    /// The kernel combines such bytes by exclusive or without looking at them, so that another
    /// value would make the match always hold.
    pub fn flag(self, offset: usize) -> Result<bool, String> {
        match self.u8(offset) {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("its inversion is {other}, not 0 or 1")),
        }
    }

    /// A `union nf_inet_addr` as a number in network order.
    pub fn address(self, family: Family, offset: usize) -> u128 {
        match family {
            Family::Ipv4 => self.be32(offset).into(),
            Family::Ipv6 => u128::from_be_bytes(self.bytes(offset)),
        }
    }

    /// The text up to a NUL within `length` bytes, `None` where there is no NUL. Bytes that are not
    /// UTF-8 stand as [`raw`] says.
    pub fn text(self, offset: usize, length: usize) -> Option<String> {
        let bytes = self.slice(offset, length);
        let end = bytes.iter().position(|&b| b == 0)?;
        Some(raw::decode(&bytes[..end]).into_owned())
    }
}

/// Why a value cannot be lowered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// An instance of a match in a rule.
pub trait Match: Debug + Send + Sync {
    /// Its descriptor.
    fn extension(&self) -> &'static MatchExtension;

    /// As iptables-save prints it after `-m`.
    fn name(&self) -> &'static str {
        self.extension().name
    }

    /// The hooks whose chains may use this instance; empty where the kernel takes any.
    fn hooks(&self) -> &'static [Hook] {
        self.extension().hooks
    }

    /// The tables whose chains may use it; empty where the kernel takes any.
    fn tables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Appends its options in iptables-save's form, each with a space in front, exactly as
    /// iptables 1.8.9 prints them.
    fn save(&self, out: &mut String);

    /// Appends what `iptables -nvL` shows of it, with a space in front.
    fn list(&self, out: &mut String);

    /// Emits its tests: control goes on in the open block where it matches, to
    /// [`RuleCx::no_match`] where it does not, and to [`RuleCx::hotdrop`] where the kernel drops
    /// the packet at once.
    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported>;

    /// Decides a packet as the kernel does; `state` is this instance's own and starts at
    /// [`Match::initial_state`].
    fn evaluate(&self, packet: &View<'_>, state: &mut u64) -> Outcome;

    /// Whether it is one of TCP that asks for SYN, as some targets need.
    fn asks_for_syn(&self) -> bool {
        false
    }

    /// Whether it is a limit whose burst the kernel's arithmetic makes smaller.
    fn overflows(&self) -> bool {
        false
    }

    /// The sets that it looks up.
    fn sets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether it compares packets with fingerprints of operating systems.
    fn needs_fingerprints(&self) -> bool {
        false
    }

    /// What `state` starts at.
    fn initial_state(&self) -> u64 {
        0
    }

    /// Makes what rules share by name, as the kernel does when it takes the rule, before any
    /// packet.
    fn register(&self, _memory: &Memory) {}
}

/// An instance of a target extension in a rule.
pub trait Action: Debug + Send + Sync {
    /// Its descriptor.
    fn extension(&self) -> &'static ActionExtension;

    /// Appends its options in iptables-save's form, each with a space in front.
    fn save(&self, out: &mut String);

    /// Appends what `iptables -nvL` shows of it, with a space in front.
    fn list(&self, out: &mut String);

    /// Emits what it does; the block stays open.
    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported>;

    /// The verdict that the rule ends in, after what [`Action::lower`] emits; `None` where control
    /// goes on with the next rule.
    fn verdict(&self) -> Option<Verdict> {
        None
    }

    /// The tables whose chains may use it; empty where the kernel takes any.
    fn tables(&self) -> &'static [&'static str] {
        self.extension().tables
    }

    /// The hooks whose packets may come to it; empty where the kernel takes any.
    fn hooks(&self) -> &'static [Hook] {
        &[]
    }

    /// Why the kernel refuses it in a rule with these matches: one sentence.
    fn check(&self, _matches: &[Arc<dyn Match>]) -> Result<(), String> {
        Ok(())
    }

    /// The sets that it changes.
    fn sets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Acts on a packet as the kernel does: a verdict, or `None` to go on with the next rule.
    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict>;
}
