//! ICMP messages of all kinds, and such as quote a packet: whole, cut short or damaged.

use super::draft::{Draft, protocol};
use super::packets::packet;
use super::rng::Rng;
use crate::lab::Family;
use crate::lab::inject::Frame;
use crate::lab::oracle::{INTERFACES, Stage};
use bpfc_packet::Transport;

/// A number of them for a stage.
pub fn errors(rng: &mut Rng, family: Family, stage: Stage, number: usize) -> Vec<Frame> {
    (0..number).map(|_| error(rng, family, stage).frame()).collect()
}

fn error(rng: &mut Rng, family: Family, stage: Stage) -> Draft {
    let mut draft = Draft::new(family);
    draft.port = rng.below(INTERFACES.len() as u64) as usize;
    let code = *rng.pick(&[0, 1, 2, 3, 4, 13]);
    let rest = [0, rng.byte(), rng.byte(), rng.byte()];
    draft.transport = match family {
        Family::Ipv4 => {
            let kind = *rng.pick(&[0, 3, 3, 3, 4, 5, 5, 8, 11, 12, 13, 14, 15, 17, 18, 30]);
            Transport::Icmp { kind, code, rest }
        }
        Family::Ipv6 => {
            let kind = *rng.pick(&[1, 1, 2, 2, 3, 4, 4, 128, 129, 130, 135, 200]);
            Transport::Icmpv6 { kind, code, rest }
        }
    };
    let mut quoted = match rng.below(6) {
        // An error about an error is not followed further.
        0 => {
            let mut inner = Draft::new(family);
            let kind = if family == Family::Ipv4 { protocol::ICMP } else { protocol::ICMPV6 };
            inner.become_protocol(kind);
            if let Transport::Icmp { kind, .. } = &mut inner.transport {
                *kind = 3;
            }
            if let Transport::Icmpv6 { kind, .. } = &mut inner.transport {
                *kind = 1;
            }
            inner.payload = vec![0x45; 60];
            inner
        }
        _ => packet(rng, family, stage, &[]),
    };
    quoted.trailer = 0;
    let mut bytes = quoted.frame().bytes.split_off(14);
    bytes.truncate(match rng.below(3) {
        0 => rng.below(90) as usize,
        1 => 28,
        _ => 300,
    });
    draft.payload = bytes;
    draft
}
