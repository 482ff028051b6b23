//! What is known of a packet's fields at a node: some of their bits.
//!
//! Every question here may be answered too cautiously where the bits that are not known are no
//! suffix of a ranged field: a rule is taken to match there, or not to be hidden, when it is not
//! clear. The checker asks the same questions exactly, of words (`check`).

use crate::{FieldDef, Form, Rules};

/// Known bits and their values, field by field.
#[derive(Clone, Debug)]
pub(crate) struct Region(Vec<[u64; 2]>);

impl Region {
    /// Nothing is known.
    pub fn whole(fields: usize) -> Region {
        Region(vec![[0, 0]; fields])
    }

    /// The known bits of a field.
    pub fn known(&self, field: usize) -> u64 {
        self.0[field][0]
    }

    /// The region where some more bits of a field are known.
    pub fn learn(&mut self, field: usize, mask: u64, value: u64) {
        self.0[field][0] |= mask;
        self.0[field][1] |= value & mask;
    }

    /// Adds a term's bounds within the region to a list, and says whether it matches anything
    /// there. The list is as before where it does not.
    pub fn clip(&self, rules: &Rules, term: u32, clipped: &mut Vec<[u64; 2]>) -> bool {
        let before = clipped.len();
        let fields = rules.layout().fields();
        for ((&[a, b], field), &[known, value]) in
            rules.bounds(term).iter().zip(fields).zip(&self.0)
        {
            let bounds = match field.def.form {
                Form::Masked if (b ^ value) & a & known != 0 => None,
                Form::Masked => Some([a, b]),
                Form::Ranged => {
                    let free = field.def.max() & !known;
                    let (low, high) = match free & (free + 1) {
                        0 => (a.max(value), b.min(value | free)),
                        _ => (a, b),
                    };
                    (low <= high).then_some([low, high])
                }
            };
            match bounds {
                Some(bounds) => clipped.push(bounds),
                None => {
                    clipped.truncate(before);
                    return false;
                }
            }
        }
        true
    }

    /// Whether bounds within the region are all of it.
    pub fn is_covered(&self, rules: &Rules, bounds: &[[u64; 2]]) -> bool {
        let fields = rules.layout().fields();
        bounds.iter().zip(fields).zip(&self.0).all(
            |((&[a, b], field), &[known, value])| match field.def.form {
                Form::Masked => a & !known == 0,
                Form::Ranged => a <= value && b >= value | field.def.max() & !known,
            },
        )
    }

    /// Whether some bounds within the region hold others.
    pub fn holds(&self, rules: &Rules, outer: &[[u64; 2]], inner: &[[u64; 2]]) -> bool {
        let fields = rules.layout().fields();
        let bounds = outer.iter().zip(inner).zip(fields).zip(&self.0);
        bounds.into_iter().all(|(((&[a, b], &[c, d]), field), &[known, _])| match field.def.form {
            Form::Masked => a & !known & !c == 0 && (b ^ d) & a & !known == 0,
            Form::Ranged => a <= c && b >= d,
        })
    }
}

/// The cells of a window that bounds of a field lie in: the first, and how many. All of them where
/// they are no run of neighbours.
pub(crate) fn cells(def: FieldDef, [a, b]: [u64; 2], shift: u32, width: u32) -> (u32, u32) {
    let mask = (1u64 << width) - 1;
    let all = (0, 1 << width);
    match def.form {
        Form::Masked => {
            let free = !(a >> shift) & mask;
            match free & (free + 1) {
                0 => ((b >> shift & mask) as u32, free as u32 + 1),
                _ => all,
            }
        }
        Form::Ranged => {
            let (low, high) = (a >> shift, b >> shift);
            let first = low & mask;
            match high - low {
                more if more >= mask || first + more > mask => all,
                more => (first as u32, more as u32 + 1),
            }
        }
    }
}
