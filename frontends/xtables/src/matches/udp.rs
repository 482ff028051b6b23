//! `-m udp`: the ports of the UDP header (net/netfilter/xt_tcpudp.c).
//!
//! A fragment that is not the first never matches, inverted or not; a packet whose 8-byte header
//! is cut off is dropped at once.

use super::ports::PortRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use std::sync::Arc;

/// The descriptor.
pub static UDP: MatchExtension = MatchExtension {
    name: "udp",
    aliases: &[],
    families: Families::Both,
    options: &[SOURCE, SOURCE.alias("sport"), DESTINATION, DESTINATION.alias("dport")],
    protocols: &[17],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| {
            let inverted = f.u8(8);
            if inverted & !3 != 0 {
                return Err(format!("unknown inversion flags {inverted:#x}"));
            }
            let range = |at, bit| PortRange {
                low: f.u16(at),
                high: f.u16(at + 2),
                invert: inverted & bit != 0,
            };
            Ok(Arc::new(Udp { source: range(0, 1), destination: range(4, 2) }))
        },
    }],
};

const SOURCE: OptionSpec = OptionSpec::value("source-port").invertible();
const DESTINATION: OptionSpec = OptionSpec::value("destination-port").invertible();

#[derive(Debug)]
struct Udp {
    source: PortRange,
    destination: PortRange,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let range = |id| match options.get(id) {
        Some(given) => PortRange::parse(given),
        None => Ok(PortRange::ANY),
    };
    let (source, destination) = (range("source-port")?, range("destination-port")?);
    Ok(Arc::new(Udp { source, destination }))
}

impl Match for Udp {
    fn extension(&self) -> &'static MatchExtension {
        &UDP
    }

    fn save(&self, out: &mut String) {
        self.source.save("sport", out);
        self.destination.save("dport", out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(" udp");
        self.source.list("spt", out);
        self.destination.list("dpt", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(8);
        self.source.lower(cx, 0);
        self.destination.lower(cx, 2);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        if packet.fragment_offset() != 0 {
            return Outcome::NoMatch;
        }
        let Some(header) = packet.transport_slice(0, 8) else { return Outcome::Hotdrop };
        let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        Outcome::of(self.source.contains(port(0)) && self.destination.contains(port(2)))
    }
}
