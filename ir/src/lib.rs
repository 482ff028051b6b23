//! The SSA-like intermediate representation that both front ends lower into.
//!
//! A [`Program`] holds rules, functions (chains) and entries (the base chains of one hook and
//! family, in priority order). Values mean what the packet's bytes mean in network order, so the
//! IR says nothing about the machine. See ARCHITECTURE.md for the decisions behind it.

mod checked;
mod chunks;
mod classic;
mod compact;
mod entities;
mod fingerprint;
mod flow;
mod frontend;
mod function;
mod host_fact;
mod inst;
pub mod jenkins;
mod listing;
mod log;
mod lookup;
mod object;
mod option_kinds;
mod origin;
mod probe;
mod program;
mod proof;
mod ranges;
mod recent;
mod region;
mod rewrite;
mod set_query;
mod set_table;
mod shortcut;
pub mod state;
mod switch;
mod table;
mod text;
mod transform;
mod tunnel;
mod types;
mod verify;

pub use bpfc_abi::{Family, Hook, PacketFamily, Reject, TableFamily, UnknownWord, Verdict, raw};
pub use checked::{Checked, Verified};
pub use chunks::{ChunkFlags, SctpChunks};
pub use classic::{
    ClassicAlu, ClassicFilter, ClassicInsn, ClassicOp, ClassicTest,
    MEMORY_WORDS as CLASSIC_MEMORY_WORDS, NETWORK_OFFSET as CLASSIC_NETWORK_OFFSET,
};
pub use entities::{
    Block, Chain, Counter, CounterList, Func, Inst, Object, Probe, Rule, RuleList, State, Table,
    Value,
};
pub use fingerprint::{Fingerprint, TcpOption, Window};
pub use flow::{ControlFlow, reverse_postorder};
pub use frontend::{
    Accounts, Files, Frontend, FrontendOptions, IncludedFile, Input, InputFormat, Lowered,
    Recognised, Resolver, SizeLimit, Zone,
};
pub use function::{BlockData, Function, FunctionBuilder, InstData, ValueData};
pub use host_fact::HostFact;
pub use inst::{BinaryOp, Condition, Counted, Op, Terminator, Timeout, Touch};
pub use listing::{
    ListedChain, ListedGroup, ListedObject, ListedObjectKind, ListedPart, ListedPlace, ListedRule,
    ListedSet, ListedState, ListedStatement, ListedTable, Listing,
};
pub use log::{Log, LogKind};
pub use lookup::{Lookup, Receiver, ReversePath};
pub use object::{ObjectDef, ObjectKind, Query};
pub use option_kinds::OptionKinds;
pub use origin::Origin;
pub use probe::{ProbeDef, TextSearch};
pub use program::{BaseChain, ChainData, CounterDef, Entry, Program, RuleData, RuleKind, Walk};
pub use proof::Proof;
pub use ranges::Ranges;
pub use recent::{MAX_STAMPS, RecentAction, RecentList, RecentQuery};
pub use region::Region;
pub use rewrite::{ChecksumField, Rewrite, Stripped};
pub use set_query::{SetInfo, SetQuery};
pub use set_table::SetTable;
pub use shortcut::{Point, Shortcut, ShortcutEnd};
pub use state::{Moment, StateDef, StateKind, Words};
pub use switch::{Arm, Switch};
pub use table::{
    Contents, Element, ElementError, Elements, ElementsBuilder, Expiry, ExpiryTicks, FieldDef,
    KeyPart, Life, Onward, Shape, TableDef,
};
pub use text::{ParseError, parse};
pub use transform::{TransformField, Way};
pub use tunnel::{InnerPart, Tunnel};
pub use types::{
    Address, Base, CalendarField, CtField, CtTuple, Device, Meta, Scan, SocketField, Source,
    TupleField, Type,
};
pub use verify::{Place, VerifyError, Violation, verify};
