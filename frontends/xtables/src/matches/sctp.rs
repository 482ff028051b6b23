//! `-m sctp`: ports and chunks of the SCTP packet (net/netfilter/xt_sctp.c).
//!
//! A fragment that is not the first never matches, inverted or not; a packet without the common
//! header's 12 bytes is dropped at once. So is one with a chunk whose header is cut off or whose
//! length is 0, where the test comes to it, except that an inverted test of chunks then holds:
//! the rule counts the packet, which is dropped all the same.

use super::ports::{PortRange, save_given};
use super::sctp_chunks::{ChunkTest, Mode};
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Condition, Scan, SctpChunks, Value};
use bpfc_packet::{Found, find_sctp_chunk};
use std::sync::Arc;

/// The descriptor.
pub static SCTP: MatchExtension = MatchExtension {
    name: "sctp",
    aliases: &[],
    families: Families::Both,
    options: &[
        SOURCE,
        SOURCE.alias("sport"),
        DESTINATION,
        DESTINATION.alias("dport"),
        OptionSpec::pair("chunk-types").invertible(),
    ],
    protocols: &[132],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 296,
        decode: |f, _| {
            let (flags, inverted) = (f.u32(284), f.u32(288));
            if flags & !7 != 0 || inverted & !flags != 0 {
                return Err(format!("unknown flags {flags:#x} or inversion flags {inverted:#x}"));
            }
            let given = |bit| (flags & bit != 0).then_some(inverted & bit != 0);
            let ports = |at, bit| {
                given(bit).map(|invert| PortRange { low: f.u16(at), high: f.u16(at + 2), invert })
            };
            let chunks = given(4).map(|invert| ChunkTest::decode(f, invert)).transpose()?;
            Ok(Arc::new(Sctp { source: ports(4, 1), destination: ports(0, 2), chunks }))
        },
    }],
};

const SOURCE: OptionSpec = OptionSpec::value("source-port").invertible();
const DESTINATION: OptionSpec = OptionSpec::value("destination-port").invertible();

#[derive(Debug)]
struct Sctp {
    source: Option<PortRange>,
    destination: Option<PortRange>,
    chunks: Option<ChunkTest>,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let ports = |id| match options.get(id) {
        Some(given) => PortRange::parse_ordered(Some(given), 132).map(Some),
        None => Ok(None),
    };
    Ok(Arc::new(Sctp {
        source: ports("source-port")?,
        destination: ports("destination-port")?,
        chunks: options.get("chunk-types").map(ChunkTest::parse).transpose()?,
    }))
}

/// Emits the search for a chunk of the set; control goes on where no chunk on the way is broken.
/// Yields whether there is none.
fn search(cx: &mut RuleCx<'_>, set: SctpChunks, invert: bool) -> Value {
    let found = cx.builder().scan(Scan::SctpChunk(Box::new(set)));
    let broken = cx.builder().compare_const(Condition::Eq, found, Scan::BROKEN.into());
    let drop = if invert { cx.match_then_drop() } else { cx.hotdrop() };
    cx.builder().forbid(broken, drop);
    cx.builder().compare_const(Condition::Eq, found, Scan::ABSENT.into())
}

impl Match for Sctp {
    fn extension(&self) -> &'static MatchExtension {
        &SCTP
    }

    fn save(&self, out: &mut String) {
        save_given(self.source, "sport", out);
        save_given(self.destination, "dport", out);
        if let Some(chunks) = &self.chunks {
            out.push_str(if chunks.invert { " ! --chunk-types" } else { " --chunk-types" });
            chunks.print(false, out);
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" sctp");
        if let Some(range) = self.source {
            range.list("spt", out);
        }
        if let Some(range) = self.destination {
            range.list("dpt", out);
        }
        if let Some(chunks) = &self.chunks {
            out.push_str(if chunks.invert { " !" } else { "" });
            chunks.print(true, out);
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(12);
        if let Some(range) = self.source {
            range.lower(cx, 0);
        }
        if let Some(range) = self.destination {
            range.lower(cx, 2);
        }
        let Some(chunks) = &self.chunks else { return Ok(()) };
        let invert = chunks.invert;
        match chunks.mode {
            Mode::Any => {
                let absent = search(cx, chunks.set(), invert);
                cx.expect(absent, invert);
            }
            Mode::Only => {
                let absent = search(cx, chunks.set().complement(), invert);
                cx.expect(absent, !invert);
            }
            Mode::All => {
                // The kernel looks at every chunk in this mode, so that a broken one counts
                // wherever it is.
                search(cx, SctpChunks::none(), invert);
                if chunks.asks_impossible() {
                    if !invert {
                        cx.never();
                    }
                    return Ok(());
                }
                cx.expect_any(&chunks.sets(), invert, |b, &set| {
                    let found = b.scan(Scan::SctpChunk(Box::new(set)));
                    b.compare_const(Condition::Eq, found, Scan::ABSENT.into())
                });
            }
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        if packet.fragment_offset() != 0 {
            return Outcome::NoMatch;
        }
        let Some(header) = packet.transport_slice(0, 12) else { return Outcome::Hotdrop };
        let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let ports = self.source.is_none_or(|range| range.contains(port(0)))
            && self.destination.is_none_or(|range| range.contains(port(2)));
        let Some(chunks) = self.chunks.as_ref().filter(|_| ports) else {
            return Outcome::of(ports);
        };
        let mut missing: Vec<u8> = chunks.kinds().collect();
        let found = find_sctp_chunk(packet.bytes(), packet.transport(), |kind, flags| {
            let wanted = chunks.contains(kind, flags);
            match chunks.mode {
                Mode::Any => wanted,
                Mode::Only => !wanted,
                Mode::All => {
                    missing.retain(|&known| known != kind || !wanted);
                    false
                }
            }
        });
        let holds = match (found, chunks.mode) {
            (Found::Broken, _) if chunks.invert => return Outcome::MatchThenDrop,
            (Found::Broken, _) => return Outcome::Hotdrop,
            (Found::At(_), mode) => mode == Mode::Any,
            (Found::Absent, Mode::All) => missing.is_empty() && !chunks.asks_impossible(),
            (Found::Absent, mode) => mode == Mode::Only,
        };
        Outcome::of(holds != chunks.invert)
    }
}
