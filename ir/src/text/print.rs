//! Printing. It never fails, whatever the program: what refers to nothing is printed all the same.

use crate::{
    Arm, Base, BaseChain, BinaryOp, ChainData, Condition, Contents, Counted, CounterDef, CtField,
    Element, Entry, Expiry, FieldDef, Function, InstData, KeyPart, Life, Listing, ObjectDef,
    Onward, Op, Origin, Program, RuleData, RuleKind, Scan, Shape, Source, StateDef, Switch,
    TableDef, Terminator, Timeout, Touch, Value, Walk,
};
use bpfc_abi::raw;
use std::fmt::{self, Display, Formatter};

impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Xor => "xor",
            BinaryOp::Add => "add",
            BinaryOp::Sub => "sub",
            BinaryOp::Mul => "mul",
            BinaryOp::Div => "div",
            BinaryOp::Rem => "rem",
            BinaryOp::Min => "min",
            BinaryOp::Shl => "shl",
            BinaryOp::Shr => "shr",
        })
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Condition::Eq => "eq",
            Condition::Ne => "ne",
            Condition::Lt => "lt",
            Condition::Le => "le",
            Condition::Gt => "gt",
            Condition::Ge => "ge",
        })
    }
}

impl Display for CtField {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            CtField::Present => f.write_str("present"),
            CtField::State => f.write_str("state"),
            CtField::Status => f.write_str("status"),
            CtField::Direction => f.write_str("direction"),
            CtField::Mark => f.write_str("mark"),
            CtField::Protocol => f.write_str("protocol"),
            CtField::Counted => f.write_str("counted"),
            CtField::Packets(direction) => write!(f, "packets.{direction}"),
            CtField::Bytes(direction) => write!(f, "bytes.{direction}"),
            CtField::Initiator => f.write_str("initiator"),
            CtField::Helper => f.write_str("helper"),
            CtField::Labels => f.write_str("labels"),
            CtField::Expiration => f.write_str("expiration"),
            CtField::Zone(None) => f.write_str("zone"),
            CtField::Zone(Some(direction)) => write!(f, "zone.{direction}"),
            CtField::Tuple(tuple, field) => write!(f, "{tuple}.{field}"),
        }
    }
}

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Source::Payload(base, offset) => write!(f, "{base}+{offset}"),
            Source::Meta(meta) => write!(f, "meta.{meta}"),
            Source::Socket(field) => write!(f, "socket.{field}"),
            Source::Ct(field) => write!(f, "ct.{field}"),
        }
    }
}

impl Display for Scan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Scan::Ipv6Header(kind) => write!(f, "ipv6-header {kind}"),
            Scan::TcpOption(kind) => write!(f, "tcp-option {kind}"),
            Scan::TcpMss => f.write_str("tcp-mss"),
            Scan::DccpOption(kind) => write!(f, "dccp-option {kind}"),
            Scan::SctpChunk(chunks) => write!(f, "sctp-chunk \"{chunks}\""),
            Scan::Probe(probe) => write!(f, "{probe}"),
            Scan::Ipv6Headers => f.write_str("ipv6-headers"),
            Scan::Payload => f.write_str("payload"),
            Scan::Inner(tunnel, part) => write!(f, "inner {tunnel} {part}"),
        }
    }
}

/// A number: small ones as people count, the rest (addresses, masks, names) by their digits.
struct Number(u128);

impl Display for Number {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            small if small <= 0xffff => write!(f, "{small}"),
            word if word <= 0xffff_ffff => write!(f, "{word:#010x}"),
            long if long <= u128::from(u64::MAX) => write!(f, "{long:#018x}"),
            longest => write!(f, "{longest:#034x}"),
        }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Op::Const(ty, value) => write!(f, "const.{ty} {}", Number(*value)),
            Op::Load(ty, source) => write!(f, "load.{ty} {source}"),
            Op::LoadAt(ty, offset, displacement) => {
                write!(f, "load.{ty} at {offset} + {displacement}")
            }
            Op::Binary(op, a, b) => write!(f, "{op} {a}, {b}"),
            Op::Extend(ty, value) => write!(f, "zext.{ty} {value}"),
            Op::Truncate(ty, value) => write!(f, "trunc.{ty} {value}"),
            Op::Calendar(field, value) => write!(f, "calendar {field}, {value}"),
            Op::Hash(values, bytes, seed) => {
                f.write_str("jhash (")?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at == 0 { "" } else { ", " })?;
                }
                write!(f, ") bytes {bytes} seed {}", Number((*seed).into()))
            }
            Op::Choose(ty, numbers, at) => {
                write!(f, "choose.{ty} {at}, {{")?;
                for (at, &number) in numbers.iter().enumerate() {
                    write!(f, "{} {}", if at == 0 { "" } else { "," }, Number(number))?;
                }
                f.write_str(" }")
            }
            Op::Compare(condition, a, b) => write!(f, "cmp {condition} {a}, {b}"),
            Op::InRange(value, ends) => {
                write!(f, "range {value}, {}..{}", Number(ends.0), Number(ends.1))
            }
            Op::Available(Base::Transport, bytes) => write!(f, "avail th {bytes}"),
            Op::Available(base, bytes) => write!(f, "avail {base} {bytes}"),
            Op::AvailableAt(offset, bytes) => write!(f, "avail at {offset} + {bytes}"),
            Op::Scan(scan) => write!(f, "scan {scan}"),
            Op::Lookup(lookup) => write!(f, "lookup {lookup}"),
            Op::ControlGroup(path) => write!(f, "control-group {}", Quoted(path)),
            Op::Random => f.write_str("random"),
            Op::Take(state) => write!(f, "take {state}"),
            Op::Query(object, query, arguments) => {
                write!(f, "query {object} {query} (")?;
                for (at, argument) in arguments.iter().enumerate() {
                    write!(f, "{}{argument}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Op::Find(table, key) => {
                write!(f, "find {table} (")?;
                for (at, value) in key.iter().enumerate() {
                    write!(f, "{}{value}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Op::Touch(table, touch, values) => {
                write!(f, "touch {table} ")?;
                match touch {
                    Touch::Add(timeout) => timed(f, "add", *timeout)?,
                    Touch::Update(timeout) => timed(f, "update", *timeout)?,
                    Touch::Existing => f.write_str("existing ")?,
                }
                arguments(f, values)
            }
            Op::Remove(table, key) => {
                write!(f, "remove {table} ")?;
                arguments(f, key)
            }
            Op::Found(element) => write!(f, "found {element}"),
            Op::Field(ty, element, place) => write!(f, "field.{ty} {element} {place}"),
            Op::Count(Counted::One(counter)) => write!(f, "count {counter}"),
            Op::Count(Counted::All(list)) => write!(f, "count {list}"),
            Op::CountAt(list, at) => write!(f, "count {list} at {at}"),
            Op::Trace => f.write_str("trace"),
            Op::Log(rule, log) => {
                write!(f, "log {rule} {} prefix {}", log.kind, Quoted(&log.prefix))
            }
            Op::SetMark(value) => write!(f, "mark {value}"),
            Op::SetConnectionMark(value) => write!(f, "ct-mark {value}"),
            Op::ToHost => f.write_str("to-host"),
            Op::Rewrite(rewrite) => write!(f, "{rewrite}"),
        }
    }
}

impl Display for Terminator {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Terminator::Jump(block) => write!(f, "jump {block}"),
            Terminator::Branch { condition, then, otherwise } => {
                write!(f, "br {condition}, {then}, {otherwise}")
            }
            Terminator::Switch(switch) => write!(f, "{switch}"),
            Terminator::Call { callee, next } => write!(f, "call {callee}, {next}"),
            Terminator::Return => f.write_str("return"),
            Terminator::Verdict(verdict) => write!(f, "verdict {verdict}"),
        }
    }
}

impl Display for Switch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "switch {}, {{", self.value)?;
        for (at, Arm { low, high, to }) in self.arms.iter().enumerate() {
            f.write_str(if at == 0 { " " } else { ", " })?;
            match low == high {
                true => write!(f, "{}: {to}", Number(*low))?,
                false => write!(f, "{}..{}: {to}", Number(*low), Number(*high))?,
            }
        }
        write!(f, " }}, {}", self.otherwise)
    }
}

impl Display for InstData {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.result.expand() {
            Some(result) => write!(f, "{result} = {}", self.op)?,
            None => write!(f, "{}", self.op)?,
        }
        from(f, self.origin.expand())
    }
}

fn from(f: &mut Formatter<'_>, origin: Option<Origin>) -> fmt::Result {
    match origin {
        Some(origin) => write!(f, " @{origin}"),
        None => Ok(()),
    }
}

/// Entities, with commas between them.
fn list(f: &mut Formatter<'_>, entities: impl Iterator<Item = impl Display>) -> fmt::Result {
    for (at, entity) in entities.enumerate() {
        write!(f, "{} {entity}", if at == 0 { "" } else { "," })?;
    }
    Ok(())
}

impl Display for Function {
    /// The function as it stands in a program, without its number.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Quoted(&self.name), self.family)?;
        match self.chain.expand() {
            Some(chain) => writeln!(f, " of {chain} {{")?,
            None => writeln!(f, " {{")?,
        }
        for &block in &self.layout {
            writeln!(f, "{block}:")?;
            let Some(data) = self.blocks.get(block) else { continue };
            for &inst in &data.insts {
                match self.insts.get(inst) {
                    Some(data) => writeln!(f, "    {data}")?,
                    None => writeln!(f, "    {inst}?")?,
                }
            }
            write!(f, "    {}", data.terminator)?;
            from(f, data.origin.expand())?;
            writeln!(f)?;
        }
        writeln!(f, "}}")
    }
}

impl Display for TableDef {
    /// The table as it stands in a program, without its number.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "{} ", Quoted(&self.name))?;
        }
        f.write_str("key")?;
        list(f, self.key.iter())?;
        if !self.fields.is_empty() {
            f.write_str(" fields")?;
            list(f, self.fields.iter())?;
        }
        write!(f, " capacity {}", self.capacity)?;
        if self.is_dynamic {
            f.write_str(" dynamic")?;
        }
        match self.expiry {
            Some(Expiry::Idle { idle, collect }) => write!(f, " idle {idle} collect {collect}"),
            Some(Expiry::Own { collect }) => write!(f, " collect {collect}"),
            None => Ok(()),
        }
    }
}

impl Display for KeyPart {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.shape {
            Shape::Exact => write!(f, "{}", self.ty),
            Shape::Prefix => write!(f, "{} prefix", self.ty),
            Shape::Range => write!(f, "{} range", self.ty),
        }
    }
}

impl Display for FieldDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            FieldDef::Data(ty) => write!(f, "{ty}"),
            FieldDef::Verdict(names) => {
                f.write_str("verdict")?;
                names.iter().try_for_each(|name| write!(f, " {}", Quoted(name)))
            }
            FieldDef::State(kind, onward) => {
                write!(f, "state {kind}")?;
                match onward {
                    Onward::All => Ok(()),
                    Onward::Enough => f.write_str(" onward enough"),
                    Onward::Lacking => f.write_str(" onward lacking"),
                }
            }
        }
    }
}

impl Display for Contents {
    /// The section of contents, as [`crate::parse`] reads it behind a program.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (table, elements) in self.iter() {
            writeln!(f, "contents {table} {{")?;
            for Element { key, fields, life } in elements.iter() {
                f.write_str("    {")?;
                list(f, key.iter().map(|&(low, high)| Ends(low, high)))?;
                if !fields.is_empty() {
                    f.write_str(":")?;
                    list(f, fields.iter().map(|&field| Number(field)))?;
                }
                if let Some(Life { timeout, left }) = life {
                    write!(f, " timeout {timeout} left {left}")?;
                }
                writeln!(f, " }}")?;
            }
            writeln!(f, "}}")?;
        }
        Ok(())
    }
}

/// A word, and how long an element lives.
fn timed(f: &mut Formatter<'_>, word: &str, timeout: Timeout) -> fmt::Result {
    match timeout.get() {
        0 => write!(f, "{word} "),
        timeout => write!(f, "{word} timeout {timeout} "),
    }
}

/// Values in brackets.
fn arguments(f: &mut Formatter<'_>, values: &[Value]) -> fmt::Result {
    f.write_str("(")?;
    for (at, value) in values.iter().enumerate() {
        write!(f, "{}{value}", if at == 0 { "" } else { ", " })?;
    }
    f.write_str(")")
}

/// The numbers of a part of a key.
struct Ends(u128, u128);

impl Display for Ends {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 == self.1 {
            true => write!(f, "{}", Number(self.0)),
            false => write!(f, "{}..{}", Number(self.0), Number(self.1)),
        }
    }
}

/// A string in quotes. Quotes, backslashes and what does not print are escaped.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_char('"')?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() || raw::byte(c).is_some() => {
                    write!(f, "\\u{{{:x}}}", u32::from(c))?
                }
                c => f.write_char(c)?,
            }
        }
        f.write_char('"')
    }
}

impl Display for ChainData {
    /// The chain as it stands in a program, without its number.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ChainData { family, table, name, hook } = self;
        write!(f, "{family} {} {}", Quoted(table), Quoted(name))?;
        match hook {
            Some(hook) => write!(f, " hook {hook}"),
            None => Ok(()),
        }
    }
}

impl Display for RuleData {
    /// The rule as it stands in a program, without its number.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let RuleData { chain, kind, is_final, span } = self;
        match kind {
            RuleKind::Rule(number) => write!(f, "{chain} number {number}")?,
            RuleKind::Policy => write!(f, "{chain} policy")?,
            RuleKind::End(number) => write!(f, "{chain} end {number}")?,
        }
        if *is_final {
            f.write_str(" final")?;
        }
        match span {
            Some(span) => write!(f, " span {}:{}..{}", span.file.0, span.start, span.end),
            None => Ok(()),
        }
    }
}

impl Display for BaseChain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let BaseChain { priority, func, walk } = self;
        match priority {
            0 => write!(f, "{func}")?,
            _ => write!(f, "{func} priority {priority}")?,
        }
        f.write_str(if *walk == Walk::ToAuthentication { " to-ah" } else { "" })
    }
}

impl Display for Entry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} {}:", self.hook, self.family)?;
        list(f, self.chains.iter())
    }
}

/// A program whose rules are followed by their texts, as comments.
struct Listed<'a>(&'a Program, &'a Listing);

impl Program {
    /// The text form with the rules' texts, as comments.
    pub fn listed<'a>(&'a self, listing: &'a Listing) -> impl Display + 'a {
        Listed(self, listing)
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Listed(self, &Listing::default()).fmt(f)
    }
}

impl Display for Listed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Listed(program, listing) = self;
        for (state, StateDef { name, kind }) in program.states.iter() {
            write!(f, "{state} =")?;
            if !name.is_empty() {
                write!(f, " {}", Quoted(name))?;
            }
            writeln!(f, " {kind}")?;
        }
        for (table, def) in program.tables.iter() {
            writeln!(f, "{table} = {def}")?;
        }
        for (object, ObjectDef { name, kind }) in program.objects.iter() {
            write!(f, "{object} =")?;
            if !name.is_empty() {
                write!(f, " {}", Quoted(name))?;
            }
            writeln!(f, " {kind}")?;
        }
        for (probe, definition) in program.probes.iter() {
            writeln!(f, "{probe} = {definition}")?;
        }
        for (chain, data) in program.chains.iter() {
            writeln!(f, "{chain} = {data}")?;
        }
        for (rule, data) in program.rules.iter() {
            write!(f, "{rule} = {data}")?;
            match listing.text(rule) {
                "" => writeln!(f)?,
                text => writeln!(f, " # {}", text.escape_debug())?,
            }
        }
        for (counter, CounterDef { rule, number, name }) in program.counters.iter() {
            write!(f, "{counter} = {rule}")?;
            if *number != 1 {
                write!(f, " number {number}")?;
            }
            if let Some(name) = name {
                write!(f, " name {}", Quoted(name))?;
            }
            writeln!(f)?;
        }
        for (counters, counted) in program.counter_lists.iter() {
            write!(f, "{counters} =")?;
            list(f, counted.iter())?;
            writeln!(f)?;
        }
        for (rules, of) in program.rule_lists.iter() {
            write!(f, "{rules} =")?;
            list(f, of.iter())?;
            writeln!(f)?;
        }
        for entry in &program.entries {
            writeln!(f, "{entry}")?;
        }
        for (func, function) in program.funcs.iter() {
            write!(f, "\n{func} {function}")?;
        }
        Ok(())
    }
}
