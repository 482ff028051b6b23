//! The match osf: packets as a fingerprint describes them, and some that miss it in one way.

use super::Maker;
use crate::fingerprints;
use crate::generate::draft::Draft;
use crate::generate::rng::Rng;
use bpfc_ir::Fingerprint;

pub(super) fn osf(maker: &mut Maker<'_>) -> String {
    let all = fingerprints::list();
    let genre = maker.rng.pick(&all).genre.clone();
    for fingerprint in all.into_iter().filter(|fingerprint| fingerprint.genre == genre) {
        maker.facet(move |rng, draft| describe(rng, draft, &fingerprint));
    }
    let genre = if maker.rng.one_in(8) { "Omega" } else { &genre };
    let negation = maker.rng.negation();
    let ttl = *maker.rng.pick(&["", "", " --ttl 0", " --ttl 1", " --ttl 2"]);
    // Which nobody reads where the kernel lets no other namespace than the first write to its log.
    let log = if maker.rng.one_in(4) { maker.rng.below(3).to_string() } else { String::new() };
    let log = if log.is_empty() { log } else { format!(" --log {log}") };
    format!(" {negation}--genre {genre}{ttl}{log}")
}

/// Makes a packet one that a fingerprint describes, or nearly so.
fn describe(rng: &mut Rng, draft: &mut Draft, fingerprint: &Fingerprint) {
    let any = rng.bits() as u16;
    let size = *rng.pick(&[1460, 1448, 1360, 536, 0, 0xffff, any]);
    let times = if rng.one_in(4) { any } else { any & 7 };
    fingerprints::describe(draft, fingerprint, size, times);
    // Windows are compared with multiples of these, too.
    let other = *rng.pick(&[1460, 1448, 1360]);
    let tcp = draft.tcp();
    if rng.one_in(4)
        && let Some(place) = tcp.options.windows(2).position(|bytes| bytes == [2, 4])
    {
        tcp.options[place + 2..place + 4].copy_from_slice(&u16::to_be_bytes(other));
    }
    match rng.below(16) {
        0 if !tcp.options.is_empty() => {
            let place = rng.below(tcp.options.len() as u64) as usize;
            tcp.options[place] ^= 1 << rng.below(4);
        }
        1 => draft.payload.push(0x61),
        2 => {
            // As long as before, with fewer options.
            tcp.options.truncate(tcp.options.len().saturating_sub(4));
            draft.payload.extend([0x61; 4]);
        }
        3 => tcp.flags = rng.byte(),
        4 => tcp.flags = *rng.pick(&[0x12, 0xc2, 0x10]),
        5 => tcp.data_offset = Some(rng.below(16) as u8),
        6 => draft.cut = Some(rng.below(40) as usize),
        7 => tcp.window ^= 1 << rng.below(16),
        8 => tcp.window = tcp.window.wrapping_add(1),
        9 => {
            if let Some(header) = draft.ipv4() {
                header.dont_fragment = !header.dont_fragment;
            }
        }
        _ => {}
    }
    // Where packets are forwarded, rules see one less than was sent.
    let lives = fingerprint.ttl;
    *draft.ttl() = *rng.pick(&[lives, lives.saturating_add(1), lives - 1, lives, lives / 2]);
}
