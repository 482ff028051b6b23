//! Where the fields of a key lie in its words.
//!
//! A word is tested in one of two ways. In a *masked* word every field is compared under a mask:
//! `(word & mask) ^ value` is 0 where all of them match. In a *ranged* word every field has an
//! empty guard bit above it: `((word - low) | (high - word)) & guards` is 0 where each field lies
//! between its two ends, since a difference that falls below 0 borrows from its own guard. The
//! upper 21 bits of the last word are empty in keys; rules keep their number and action there.
//!
//! ```text
//! IPv4   word 0  source 32..64 | destination 0..32
//!        word 1  protocol 0..8, guard 8 | destination port 9..25, guard 25
//!                | source port 26..42, guard 42
//! IPv6   words 0 to 3  source and destination, upper halves first; word 4 as word 1 above
//! ```

/// How a field is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Under a mask: prefixes, flags, names.
    Masked,
    /// Between two numbers: ports, protocols, lengths.
    Ranged,
}

/// What a field means to [`crate::build`], which separates rules by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The source address, or its upper half.
    Source,
    /// The destination address, or its upper half.
    Destination,
    /// The source port.
    SourcePort,
    /// The destination port.
    DestinationPort,
    /// Anything else.
    Other,
}

/// A field as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FieldDef {
    /// Its width: 1 to 64 bits of a masked field, 1 to 32 of a ranged one.
    pub bits: u32,
    /// How it is tested.
    pub form: Form,
    /// What it means.
    pub role: Role,
}

impl FieldDef {
    /// A masked field.
    pub fn masked(bits: u32, role: Role) -> FieldDef {
        FieldDef { bits, form: Form::Masked, role }
    }

    /// A ranged field.
    pub fn ranged(bits: u32, role: Role) -> FieldDef {
        FieldDef { bits, form: Form::Ranged, role }
    }

    /// Its greatest number.
    pub fn max(self) -> u64 {
        ones(self.bits)
    }
}

/// A field in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// What it is.
    pub def: FieldDef,
    /// Its word.
    pub word: usize,
    /// Its lowest bit in that word.
    pub shift: u32,
}

/// Why there is no layout of some fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A field of no bits, or of more than its form has.
    #[error("field {0} has a width that no field has")]
    Width(usize),
    /// More words than entries of nodes can name.
    #[error("the fields take {0} words, more than {most}", most = Layout::MOST_WORDS)]
    TooMany(usize),
}

/// The words of a packet; those that its layout does not have are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key(pub [u64; Layout::MOST_WORDS]);

/// Where each field of a key lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    fields: Vec<Field>,
    words: Vec<Form>,
}

impl Layout {
    /// A node's entry has three bits for the number of a word.
    pub const MOST_WORDS: usize = 8;
    /// The lowest bit of the last word that belongs to no field.
    pub const TAG: u32 = 43;

    /// Packs fields in their order: masked ones from the top of words, ranged ones from the bottom,
    /// each into the first word of its form that has room. The last word is a ranged one, even if
    /// no field is.
    ///
    /// # Errors
    /// Where a field has a width that its form has not, or there are too many words.
    pub fn new(defs: &[FieldDef]) -> Result<Layout, LayoutError> {
        // The bits that are taken of each word; ranged words are numbered from the last one on.
        let mut masked: Vec<u32> = Vec::new();
        let mut ranged: Vec<u32> = vec![0];
        let mut places = Vec::with_capacity(defs.len());
        for (at, def) in defs.iter().enumerate() {
            let (taken, bits, widest) = match def.form {
                Form::Masked => (&mut masked, def.bits, 64),
                Form::Ranged => (&mut ranged, def.bits + 1, 33),
            };
            if def.bits == 0 || bits > widest {
                return Err(LayoutError::Width(at));
            }
            let room = |word: usize| match (def.form, word) {
                (Form::Ranged, 0) => Layout::TAG,
                _ => 64,
            };
            let free = |(word, taken): (usize, &u32)| taken + bits <= room(word);
            let word = taken.iter().enumerate().position(free).unwrap_or_else(|| {
                taken.push(0);
                taken.len() - 1
            });
            places.push((word, taken[word]));
            taken[word] += bits;
        }
        let count = masked.len() + ranged.len();
        if count > Layout::MOST_WORDS {
            return Err(LayoutError::TooMany(count));
        }
        let place = |(&def, (word, taken)): (&FieldDef, (usize, u32))| match def.form {
            Form::Masked => Field { def, word, shift: 64 - taken - def.bits },
            Form::Ranged => Field { def, word: count - 1 - word, shift: taken },
        };
        let fields = defs.iter().zip(places).map(place).collect();
        let mut words = vec![Form::Masked; masked.len()];
        words.resize(count, Form::Ranged);
        Ok(Layout { fields, words })
    }

    /// Source, destination, protocol, destination port and source port of IPv4: two words.
    pub fn ipv4() -> Layout {
        let addresses = [Role::Source, Role::Destination].map(|role| FieldDef::masked(32, role));
        Layout::with_ports(&addresses)
    }

    /// The same of IPv6, each address as its upper and its lower half: five words.
    pub fn ipv6() -> Layout {
        let [source, destination] =
            [Role::Source, Role::Destination].map(|role| FieldDef::masked(64, role));
        let lower = FieldDef::masked(64, Role::Other);
        Layout::with_ports(&[source, lower, destination, lower])
    }

    fn with_ports(addresses: &[FieldDef]) -> Layout {
        let mut defs = addresses.to_vec();
        defs.push(FieldDef::ranged(8, Role::Other));
        defs.push(FieldDef::ranged(16, Role::DestinationPort));
        defs.push(FieldDef::ranged(16, Role::SourcePort));
        // Their widths are sound, and they take five words at most.
        Layout::new(&defs).unwrap_or(Layout { fields: Vec::new(), words: vec![Form::Ranged] })
    }

    /// The fields, in the order in which they were asked for.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How each word is tested.
    pub fn words(&self) -> &[Form] {
        &self.words
    }

    /// The guard bits of a word: 0 of a masked one.
    pub fn guards(&self, word: usize) -> u64 {
        let ranged = |field: &&Field| field.word == word && field.def.form == Form::Ranged;
        let guards = self.fields.iter().filter(ranged);
        guards.fold(0, |all, field| all | 1 << (field.shift + field.def.bits))
    }

    /// The words of some numbers, one for each field; of those that are greater than their field,
    /// the lowest bits.
    pub fn key(&self, values: &[u64]) -> Key {
        let mut key = Key::default();
        for (field, value) in self.fields.iter().zip(values) {
            key.0[field.word] |= (value & field.def.max()) << field.shift;
        }
        key
    }

    /// The number of a field in a key.
    pub fn value(&self, key: &Key, field: usize) -> u64 {
        let field = &self.fields[field];
        key.0[field.word] >> field.shift & field.def.max()
    }
}

/// So many ones, at most 64.
pub(crate) fn ones(bits: u32) -> u64 {
    u64::MAX.checked_shr(64 - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tuples_lie_as_the_page_says() {
        let places = |layout: &Layout| -> Vec<(usize, u32)> {
            layout.fields().iter().map(|field| (field.word, field.shift)).collect()
        };
        let four = Layout::ipv4();
        assert_eq!(places(&four), [(0, 32), (0, 0), (1, 0), (1, 9), (1, 26)]);
        assert_eq!(four.guards(1), 1 << 8 | 1 << 25 | 1 << 42);
        assert_eq!(four.guards(0), 0);
        let six = Layout::ipv6();
        let expected = [(0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (4, 9), (4, 26)];
        assert_eq!(places(&six), expected);
    }

    #[test]
    fn what_does_not_fit_goes_to_further_words() {
        let defs = [
            FieldDef::masked(40, Role::Other),
            FieldDef::masked(32, Role::Other),
            FieldDef::masked(8, Role::Other),
            FieldDef::ranged(32, Role::Other),
            FieldDef::ranged(16, Role::Other),
            FieldDef::ranged(9, Role::Other),
        ];
        let layout = Layout::new(&defs).expect("a layout");
        assert_eq!(layout.words(), [Form::Masked, Form::Masked, Form::Ranged, Form::Ranged]);
        let values = [0xab_cdef_0123, 0x4567_89ab, 0xcd, 0xfedc_ba98, 0x7654, 0x1ff];
        let key = layout.key(&values);
        for (at, value) in values.into_iter().enumerate() {
            assert_eq!(layout.value(&key, at), value);
        }
        assert_eq!(key.0[3] >> Layout::TAG, 0);
    }

    #[test]
    fn odd_widths_and_too_many_words_are_refused() {
        for (def, at) in
            [(FieldDef::masked(65, Role::Other), 0), (FieldDef::ranged(33, Role::Other), 0)]
        {
            assert_eq!(Layout::new(&[def]), Err(LayoutError::Width(at)));
        }
        assert_eq!(Layout::new(&[FieldDef::masked(0, Role::Other)]), Err(LayoutError::Width(0)));
        let many = [FieldDef::masked(64, Role::Other); 8];
        assert_eq!(Layout::new(&many), Err(LayoutError::TooMany(9)));
    }
}
