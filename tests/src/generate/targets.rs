//! One entry for each target extension: what a rule's `-j` may say besides verdicts and chains.

use super::rng::Rng;

/// The text of a `MARK` target.
pub fn mark(rng: &mut Rng) -> String {
    let value = *rng.pick(&[0u32, 1, 2, 3, 0x10, 0xff, 0x100, 0x8000_0000, 0xffff_ffff]);
    let mask = *rng.pick(&[1u32, 2, 3, 0xf0, 0xff, 0xffff_0000, 0xffff_ffff]);
    match rng.below(6) {
        0 => format!("MARK --set-mark {value:#x}/{mask:#x}"),
        1 => format!("MARK --set-xmark {value:#x}/{mask:#x}"),
        2 => format!("MARK --and-mark {mask:#x}"),
        3 => format!("MARK --or-mark {value:#x}"),
        4 => format!("MARK --xor-mark {value:#x}"),
        _ => format!("MARK --set-mark {value:#x}"),
    }
}
