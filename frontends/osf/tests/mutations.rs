//! Damaged texts of fingerprints are read or refused, and what is read is what the kernel takes.
//!
//! The fuzz target beside the iptables front end looks further.

#[path = "../../xtables/fuzz/src/fingerprints.rs"]
mod fingerprints;

const TEXT: &str = "\
# window:ttl:df:length:options:genre:version:subtype:details
S4:64:1:60:M*,S,T,N,W7:\tTest:1::a comment
T30:128:0:48:M1460,N,N,S:  @Test:2:late:
%8192:255:1:44:M*:*Scan:::x

16384:64:0:40:.:RISC OS:3:0123456789012345678901234567890:
*:64:1:64:M*,N,W1,N,N,T,N,N,S: Test:3::with everything, E too
S*:64:1:48:M*,W0,E:Test:4::
";

/// What a text may be changed with.
const WORDS: [&str; 16] = [
    ":",
    "::",
    ",",
    "S",
    "T%",
    "%0",
    "*",
    "0",
    "65536",
    "-1",
    "99999999999999999999",
    "T,T,T,T,",
    "\r\n",
    " \t",
    "@*",
    "\u{e9}",
];

/// A sequence of choices (xorshift64*).
struct Choices(u64);

impl Choices {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

fn changed(choices: &mut Choices) -> Vec<u8> {
    let mut bytes = TEXT.as_bytes().to_vec();
    for _ in 0..=choices.below(4) {
        let place = choices.below(bytes.len() + 1);
        let end = bytes.len().min(place + choices.below(30));
        match choices.below(6) {
            0 => bytes.truncate(place.max(1)),
            1 => drop(bytes.drain(place..end)),
            2 => {
                let copy = bytes[place..end].to_vec();
                bytes.splice(0..0, copy);
            }
            3 => drop(bytes.splice(place..place, [choices.below(256) as u8])),
            4 => drop(bytes.splice(place..place, vec![b'x'; choices.below(1100)])),
            _ => {
                let word = WORDS[choices.below(WORDS.len())];
                bytes.splice(place..place, word.bytes());
            }
        }
    }
    bytes
}

#[test]
fn changed_texts_are_read_or_refused() {
    assert_eq!(fingerprints::text(TEXT.as_bytes()).map(|list| list.len()), Some(6));
    let mut choices = Choices(7);
    let read = (0..20_000).filter(|_| fingerprints::text(&changed(&mut choices)).is_some()).count();
    assert!((2_000..18_000).contains(&read), "{read} of 20,000 texts were read");
}
