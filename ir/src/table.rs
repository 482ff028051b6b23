//! Tables: elements by key, each with fields, as nftables' sets and maps are.
//!
//! A table's definition is part of the program; its elements are not: they travel beside it
//! ([`Contents`]), since there may be a million of them. A rule looks an element up
//! ([`crate::Op::Find`]), asks whether there is one ([`crate::Op::Found`]) and, where there is,
//! reads its fields ([`crate::Op::Field`]) without looking it up again. A field can be a verdict: a
//! number that stands for a name which outlives the program, and which a
//! [`crate::Terminator::Switch`] turns into control.

mod elements;

use crate::{StateKind, Table, Timeout, Touch, Type};
use cranelift_entity::SecondaryMap;
pub use elements::{Element, ElementError, Elements, ElementsBuilder, Life};
use std::sync::Arc;

/// Which numbers an element has for a part of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One.
    Exact,
    /// Those that begin with the same bits; of two elements that hold a packet, the one with more
    /// bits counts.
    Prefix,
    /// A range; no two elements hold one packet.
    Range,
}

/// A part of a table's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPart {
    /// Its type, a number.
    pub ty: Type,
    /// What elements have for it.
    pub shape: Shape,
}

/// What an element says besides that it is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldDef {
    /// A number.
    Data(Type),
    /// A verdict, or what else has a name: an i32, the place of its name in this list (`accept`,
    /// `jump NAME`). Elements keep the name, since they outlive a replacement of the program.
    Verdict(Vec<String>),
    /// A state of the element's own, from which a packet takes when it touches the element
    /// ([`crate::Op::Touch`]); what it yielded then, an i32. States are taken from in their order.
    State(StateKind, Onward),
}

/// Which packets go on from a state of an element to those behind it: others do not take from them,
/// and these yield 0 (include/net/netfilter/nf_tables.h, `nft_set_elem_update_expr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Onward {
    /// All.
    All,
    /// Those for which it yielded a number other than 0.
    Enough,
    /// Those for which it yielded 0.
    Lacking,
}

impl Onward {
    /// Whether a packet goes on for which the state yielded a number.
    pub fn goes(self, yielded: u32) -> bool {
        match self {
            Onward::All => true,
            Onward::Enough => yielded != 0,
            Onward::Lacking => yielded == 0,
        }
    }
}

impl FieldDef {
    /// The type of what is read.
    pub fn ty(&self) -> Type {
        match self {
            FieldDef::Data(ty) => *ty,
            FieldDef::Verdict(_) | FieldDef::State(..) => Type::I32,
        }
    }
}

/// When elements go. Until they are collected they take their room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expiry {
    /// All so long after a packet added or updated them, in ticks of the clock
    /// (net/netfilter/xt_hashlimit.c: `htable_gc`). Those that have gone are there until they are
    /// collected.
    Idle {
        /// Milliseconds after which an element is idle.
        idle: u32,
        /// Milliseconds between collections.
        collect: u32,
    },
    /// Each at its own time, if at all (net/netfilter/nf_tables_api.c: `nft_set_elem_expired`).
    /// None finds those that have gone.
    Own {
        /// Milliseconds between collections.
        collect: u32,
    },
}

impl Expiry {
    /// Those of [`Expiry::Idle`] in ticks of a kernel with `hertz` of them a second
    /// (`msecs_to_jiffies`: rounded up).
    pub fn ticks(&self, hertz: u32) -> Option<ExpiryTicks> {
        let ticks = |time: u32| (u64::from(time) * u64::from(hertz)).div_ceil(1000);
        match *self {
            Expiry::Idle { idle, collect } => {
                Some(ExpiryTicks { idle: ticks(idle), collect: ticks(collect) })
            }
            Expiry::Own { .. } => None,
        }
    }

    /// Nanoseconds between collections, which come at whole multiples of them.
    pub fn collect_nanoseconds(&self) -> u64 {
        let (Expiry::Idle { collect, .. } | Expiry::Own { collect }) = *self;
        u64::from(collect.max(1)) * 1_000_000
    }
}

/// [`Expiry::Idle`] in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryTicks {
    /// Ticks after which an element is idle.
    pub idle: u64,
    /// Ticks between collections, which come at whole multiples of them.
    pub collect: u64,
}

impl ExpiryTicks {
    /// Whether an element that is idle from a tick on was collected by now.
    pub fn is_gone(&self, idle_from: u64, now: u64) -> bool {
        now - now % self.collect.max(1) >= idle_from
    }
}

/// A table's definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableDef {
    /// Its name, unique among tables; empty for one that no one else refers to.
    pub name: String,
    /// The parts of its key, at most [`TableDef::LARGEST_KEY`] bytes. Only the last can be other
    /// than exact.
    pub key: Vec<KeyPart>,
    /// What elements say.
    pub fields: Vec<FieldDef>,
    /// Elements at most, at least 1.
    pub capacity: u32,
    /// When its elements go; `None` where they stay.
    pub expiry: Option<Expiry>,
    /// Whether packets add elements and remove some. They can only where keys are exact.
    pub is_dynamic: bool,
}

impl TableDef {
    /// Bytes of a key at most (`NFT_DATA_VALUE_MAXLEN`, include/uapi/linux/netfilter/nf_tables.h).
    pub const LARGEST_KEY: u16 = 64;

    /// Whether each part of its key is exact.
    pub fn is_exact(&self) -> bool {
        self.key.iter().all(|part| part.shape == Shape::Exact)
    }

    /// The states of its elements.
    pub fn states(&self) -> impl Iterator<Item = &StateKind> {
        self.fields.iter().filter_map(|field| match field {
            FieldDef::State(kind, _) => Some(kind),
            FieldDef::Data(_) | FieldDef::Verdict(_) => None,
        })
    }

    /// The types of the values that a packet hands over which touches an element so: its key's
    /// parts and, where it may add the element, its numbers. `None` where packets cannot do so.
    pub fn touched_with(&self, touch: Touch) -> Option<Vec<Type>> {
        let mut types: Vec<Type> = self.key.iter().map(|part| part.ty).collect();
        let timeout = match touch {
            Touch::Add(timeout) | Touch::Update(timeout) => timeout,
            Touch::Existing => return self.is_exact().then_some(types),
        };
        for field in &self.fields {
            match field {
                FieldDef::Data(ty) => types.push(*ty),
                FieldDef::Verdict(_) => return None,
                FieldDef::State(..) => {}
            }
        }
        let expires = matches!(self.expiry, Some(Expiry::Own { .. }));
        (self.is_dynamic && (timeout == Timeout::NEVER || expires)).then_some(types)
    }

    /// The clocks, in ticks a second, of kernels that refuse a rate of its elements.
    pub fn refusing_clocks(&self) -> Vec<u32> {
        let mut clocks: Vec<u32> = self.states().flat_map(StateKind::refusing_clocks).collect();
        clocks.sort_unstable();
        clocks.dedup();
        clocks
    }

    /// Whether it is as its parts say.
    pub(crate) fn is_sound(&self) -> bool {
        let is_number = |ty: Type| !matches!(ty, Type::Bool | Type::Element);
        let bytes: u16 = self.key.iter().map(|part| part.ty.bytes().max(4)).sum();
        let exact = self.key.split_last().map(|(_, exact)| exact);
        exact.is_some_and(|exact| exact.iter().all(|part| part.shape == Shape::Exact))
            && self.key.iter().all(|part| is_number(part.ty))
            && bytes <= Self::LARGEST_KEY
            && self.capacity > 0
            && self.fields.iter().all(|field| match field {
                FieldDef::Data(ty) => is_number(*ty),
                FieldDef::Verdict(names) => !names.is_empty(),
                // A new one's numbers depend on the time in ticks.
                FieldDef::State(kind, _) => {
                    let expires = matches!(self.expiry, Some(Expiry::Idle { .. }));
                    kind.is_sound() && (!matches!(kind, StateKind::WideBucket(_)) || expires)
                }
            })
            && (self.states().next().is_none() && !self.is_dynamic || self.is_exact())
            && match self.expiry {
                Some(Expiry::Idle { idle, collect }) => idle > 0 && collect > 0 && self.is_dynamic,
                Some(Expiry::Own { collect }) => collect > 0,
                None => true,
            }
    }
}

/// The elements of a program's tables.
#[derive(Clone, Debug, Default)]
pub struct Contents(SecondaryMap<Table, Option<Arc<Elements>>>);

impl Contents {
    /// Gives a table its elements.
    pub fn set(&mut self, table: Table, elements: Elements) {
        self.0[table] = Some(Arc::new(elements));
    }

    /// Adds the elements of another program's tables, whose first has this number here.
    pub fn append(&mut self, other: Contents, first: u32) {
        for (table, elements) in other.0.iter() {
            if let Some(elements) = elements {
                let table = Table::from_u32(first + table.as_u32());
                self.0[table] = Some(Arc::clone(elements));
            }
        }
    }

    /// The tables that were given elements, with those.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &Elements)> {
        self.0.iter().filter_map(|(table, elements)| Some((table, elements.as_deref()?)))
    }

    /// The elements of a table, where it has any.
    pub fn of(&self, table: Table) -> Option<&Elements> {
        self.0[table].as_deref()
    }
}
