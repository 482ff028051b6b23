//! The one word that says which generation of a filter decides, and what its counters start from.
//!
//! A filter has room for two generations, `a` and `b`. Settled, one of them is there. A replacement
//! fills the other, then writes this word once: that is the moment of replacement, for all
//! netfilter hooks together, because their trampolines read the word for every packet, and for
//! the record in the case of links that are updated one by one. While both are there, a rule's
//! count is the sum over both; when nothing runs the old one any more, its counts go into the new
//! one's base and the word says settled.
//!
//! A generation's base (what is added to the per-CPU counts) has two halves, of which the word
//! says the valid one: writing the other half and then the word changes all counts in one step.
//!
//! Everything that a packet or a reader decides by is in the first byte, which the kernel cannot
//! write by halves. A sequence number behind it tells readers that something happened meanwhile.

use crate::Error;
use crate::sys::{Map, MapSpec};

/// One of the two places for generations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    A,
    B,
}

impl Generation {
    pub fn other(self) -> Generation {
        match self {
            Generation::A => Generation::B,
            Generation::B => Generation::A,
        }
    }

    /// Its directory.
    pub fn directory(self) -> &'static str {
        match self {
            Generation::A => "a",
            Generation::B => "b",
        }
    }

    /// 0 or 1: the first bit of the word, and the place in a pair of slots.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// The word's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// What decides; during a replacement what shall.
    pub target: Generation,
    /// False during a replacement, when both generations count.
    pub settled: bool,
    /// The valid half, 0 or 1, of each generation's base.
    pub halves: [u8; 2],
    /// Goes up with every write.
    pub sequence: u32,
}

const KEY: [u8; 4] = [0; 4];

impl State {
    /// Before the first generation, `a`, is switched to: `b` decides, which does not exist, and so
    /// everything passes.
    pub const EMPTY: State =
        State { target: Generation::B, settled: true, halves: [0; 2], sequence: 0 };

    fn to_bytes(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[0] = self.target.index() as u8
            | u8::from(!self.settled) << 1
            | self.halves[0] << 2
            | self.halves[1] << 3;
        bytes[4..].copy_from_slice(&self.sequence.to_ne_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; 8]) -> State {
        let bit = |n: u8| bytes[0] >> n & 1;
        let [_, _, _, _, sequence @ ..] = bytes;
        State {
            target: if bit(0) == 0 { Generation::A } else { Generation::B },
            settled: bit(1) == 0,
            halves: [bit(2), bit(3)],
            sequence: u32::from_ne_bytes(sequence),
        }
    }
}

/// The map that holds the word.
#[derive(Debug)]
pub(crate) struct StateMap(pub Map);

impl StateMap {
    /// A new one, [`State::EMPTY`].
    pub fn create() -> Result<StateMap, Error> {
        let spec = MapSpec {
            name: "bpfc_state",
            kind: bpfc_artifact::MapKind::Array.number(),
            key_size: 4,
            value_size: 8,
            max_entries: 1,
            flags: 0,
        };
        let map = Map::create(&spec, None).map_err(Error::kernel("create a map for the state"))?;
        let created = StateMap(map);
        created.write(State::EMPTY)?;
        Ok(created)
    }

    pub fn read(&self) -> Result<State, Error> {
        let bytes = self.0.lookup(&KEY).map_err(Error::kernel("read a filter's state"))?;
        let bytes =
            bytes.try_into().map_err(|_| Error::Artifact("state of another size".into()))?;
        Ok(State::from_bytes(bytes))
    }

    /// Writes the word, its sequence number one higher than `state` says. Takes effect for
    /// packets at once.
    pub fn write(&self, state: State) -> Result<(), Error> {
        let next = State { sequence: state.sequence.wrapping_add(1), ..state };
        self.0.update(&KEY, &next.to_bytes()).map_err(Error::kernel("write a filter's state"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for target in [Generation::A, Generation::B] {
            for settled in [true, false] {
                for halves in [[0, 0], [0, 1], [1, 0], [1, 1]] {
                    let state = State { target, settled, halves, sequence: 77 };
                    assert_eq!(State::from_bytes(state.to_bytes()), state);
                }
            }
        }
        assert_eq!(State::EMPTY.to_bytes()[0], 1);
    }
}
