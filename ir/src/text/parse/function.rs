//! Functions: blocks are read with the numbers that the text has, then renumbered without gaps.

use super::{Parser, Result};
use crate::text::ParseError;
use crate::text::lexer::Token;
use crate::{
    Arm, Base, BinaryOp, Block, BlockData, ChecksumField, Condition, Counted, CtField, CtTuple,
    Device, Function, InstData, Lookup, Meta, Op, OptionKinds, Origin, PacketFamily, Reject,
    ReversePath, Rewrite, Scan, Source, Stripped, Switch, Terminator, Touch, TransformField, Type,
    Value, ValueData, Verdict, Way,
};
use bpfc_diag::LineColumn;

/// An instruction as the text has it.
struct Statement {
    at: LineColumn,
    op: Op,
    result: Option<Value>,
    origin: Option<Origin>,
}

/// A block as the text has it.
struct Section {
    at: LineColumn,
    number: Block,
    statements: Vec<Statement>,
    end: LineColumn,
    terminator: Terminator,
    origin: Option<Origin>,
}

impl Parser {
    pub(super) fn function(&mut self) -> Result<Function> {
        let name = self.string("a function's name")?;
        let family: PacketFamily = self.word("a family")?;
        let chain = if self.eat_word("of") { Some(self.chain()?) } else { None };
        self.punct("{")?;
        let mut sections = Vec::new();
        while !self.eat("}") {
            sections.push(self.section()?);
        }
        let function = Function { chain: chain.into(), ..Function::new(name, family) };
        Builder::new(function, &sections)?.build(sections)
    }

    fn section(&mut self) -> Result<Section> {
        let at = self.at();
        let number = self.block()?;
        self.punct(":")?;
        let mut statements = Vec::new();
        loop {
            let end = self.at();
            if let Some(terminator) = self.terminator()? {
                let origin = self.from()?;
                return Ok(Section { at, number, statements, end, terminator, origin });
            }
            statements.push(self.statement()?);
        }
    }

    fn from(&mut self) -> Result<Option<Origin>> {
        if self.eat("@") { self.origin().map(Some) } else { Ok(None) }
    }

    /// A terminator, none where something else follows.
    fn terminator(&mut self) -> Result<Option<Terminator>> {
        let terminator = if self.eat_word("jump") {
            Terminator::Jump(self.block()?)
        } else if self.eat_word("br") {
            let condition = self.value()?;
            self.punct(",")?;
            let then = self.block()?;
            self.punct(",")?;
            Terminator::Branch { condition, then, otherwise: self.block()? }
        } else if self.eat_word("switch") {
            Terminator::Switch(Box::new(self.switch()?))
        } else if self.eat_word("call") {
            let callee = self.func()?;
            self.punct(",")?;
            Terminator::Call { callee, next: self.block()? }
        } else if self.eat_word("return") {
            Terminator::Return
        } else if self.eat_word("verdict") {
            Terminator::Verdict(self.verdict()?)
        } else {
            return Ok(None);
        };
        Ok(Some(terminator))
    }

    fn switch(&mut self) -> Result<Switch> {
        let value = self.value()?;
        self.punct(",")?;
        self.punct("{")?;
        let mut arms = Vec::new();
        loop {
            let low = self.number("a number")?;
            let high = if self.eat("..") { self.number("the end of a range")? } else { low };
            self.punct(":")?;
            arms.push(Arm { low, high, to: self.block()? });
            if !self.eat(",") {
                break;
            }
        }
        self.punct("}")?;
        self.punct(",")?;
        Ok(Switch { value, arms, otherwise: self.block()? })
    }

    fn verdict(&mut self) -> Result<Verdict> {
        if self.eat_word("accept") {
            return Ok(Verdict::Accept);
        }
        if self.eat_word("drop") {
            return Ok(Verdict::Drop);
        }
        if !self.eat_word("reject") {
            return self.expected("a verdict");
        }
        if self.eat_word("icmp") {
            return Ok(Verdict::Reject(Reject::Icmp(self.number("a code")?)));
        }
        self.keyword("tcp-reset")?;
        Ok(Verdict::Reject(Reject::TcpReset))
    }

    fn statement(&mut self) -> Result<Statement> {
        let at = self.at();
        let Token::Word(word) = self.peek() else {
            return self.expected("an instruction or terminator");
        };
        let (op, result) = match word.as_str() {
            "count" => {
                self.advance();
                match self.counted()? {
                    Counted::All(list) if self.eat_word("at") => {
                        (Op::CountAt(list, self.value()?), None)
                    }
                    counted => (Op::Count(counted), None),
                }
            }
            "log" => {
                self.advance();
                let rule = self.rule()?;
                (Op::Log(rule, Box::new(self.log()?)), None)
            }
            "remove" => {
                self.advance();
                let table = self.table()?;
                self.punct("(")?;
                let key = self.list(Self::value)?;
                self.punct(")")?;
                (Op::Remove(table, key), None)
            }
            "trace" => {
                self.advance();
                (Op::Trace, None)
            }
            "mark" => {
                self.advance();
                (Op::SetMark(self.value()?), None)
            }
            "ct-mark" => {
                self.advance();
                (Op::SetConnectionMark(self.value()?), None)
            }
            "to-host" => {
                self.advance();
                (Op::ToHost, None)
            }
            "store" | "insert" | "strip" | "checksum" | "priority" | "queue" => {
                (Op::Rewrite(self.rewrite()?), None)
            }
            word if super::entity(word, "v").is_some() => {
                let result = self.value()?;
                self.punct("=")?;
                (self.operation()?, Some(result))
            }
            _ => return self.expected("an instruction or terminator"),
        };
        Ok(Statement { at, op, result, origin: self.from()? })
    }

    fn rewrite(&mut self) -> Result<Rewrite> {
        if self.eat_word("checksum") {
            let (base, offset) = self.place()?;
            let pseudo = self.eat_word("pseudo");
            let nonzero = self.eat_word("nonzero");
            self.punct(",")?;
            let (old, new) = self.pair()?;
            let field = ChecksumField { base, offset, pseudo, nonzero };
            return Ok(Rewrite::Checksum(field, old, new));
        }
        if self.eat_word("priority") {
            return Ok(Rewrite::Priority(self.value()?));
        }
        if self.eat_word("queue") {
            return Ok(Rewrite::Queue(self.value()?));
        }
        if self.eat_word("strip") {
            let stripped = match self.eat_word("first") {
                true => Stripped::First,
                false => Stripped::Every,
            };
            let end = self.value()?;
            self.punct(",")?;
            let mut kinds = OptionKinds::default();
            while matches!(self.peek(), Token::Number(_)) {
                kinds.insert(self.number("a kind of option")?);
            }
            return Ok(Rewrite::Strip(end, Box::new(kinds), stripped));
        }
        if self.eat_word("insert") {
            let (base, offset) = self.place()?;
            if base != Base::Transport {
                return self.expected("th+N");
            }
            self.punct(",")?;
            return Ok(Rewrite::Insert(offset, self.value()?));
        }
        self.advance();
        if self.eat_word("at") {
            let offset = self.value()?;
            self.punct("+")?;
            let displacement = self.number("a displacement")?;
            self.punct(",")?;
            return Ok(Rewrite::StoreAt(offset, displacement, self.value()?));
        }
        let (base, offset) = self.place()?;
        self.punct(",")?;
        Ok(Rewrite::Store(base, offset, self.value()?))
    }

    /// `net+8` and so on.
    fn place(&mut self) -> Result<(Base, u16)> {
        let base = self.word("a base")?;
        self.punct("+")?;
        Ok((base, self.number("an offset")?))
    }

    /// What stands after `v = `.
    fn operation(&mut self) -> Result<Op> {
        let Some(word) = self.peek_word().map(str::to_owned) else {
            return self.expected("an operation");
        };
        let binary = match word.as_str() {
            "and" => Some(BinaryOp::And),
            "or" => Some(BinaryOp::Or),
            "xor" => Some(BinaryOp::Xor),
            "add" => Some(BinaryOp::Add),
            "sub" => Some(BinaryOp::Sub),
            "mul" => Some(BinaryOp::Mul),
            "div" => Some(BinaryOp::Div),
            "rem" => Some(BinaryOp::Rem),
            "min" => Some(BinaryOp::Min),
            "shl" => Some(BinaryOp::Shl),
            "shr" => Some(BinaryOp::Shr),
            _ => None,
        };
        if let Some(binary) = binary {
            self.advance();
            let (a, b) = self.pair()?;
            return Ok(Op::Binary(binary, a, b));
        }
        let op = match word.as_str() {
            "const" => {
                self.advance();
                let ty = self.suffix()?;
                Op::Const(ty, self.number("a constant")?)
            }
            "load" => {
                self.advance();
                let ty = self.suffix()?;
                if self.eat_word("at") {
                    let offset = self.value()?;
                    self.punct("+")?;
                    Op::LoadAt(ty, offset, self.number("a displacement")?)
                } else {
                    Op::Load(ty, self.source()?)
                }
            }
            "zext" => {
                self.advance();
                let ty = self.suffix()?;
                Op::Extend(ty, self.value()?)
            }
            "trunc" => {
                self.advance();
                let ty = self.suffix()?;
                Op::Truncate(ty, self.value()?)
            }
            "calendar" => {
                self.advance();
                let field = self.word("a field of the calendar")?;
                self.punct(",")?;
                Op::Calendar(field, self.value()?)
            }
            "choose" => {
                self.advance();
                let ty = self.suffix()?;
                let at = self.value()?;
                self.punct(",")?;
                self.punct("{")?;
                let numbers = self.list(|parser| parser.number("a number"))?;
                self.punct("}")?;
                Op::Choose(ty, numbers, at)
            }
            "jhash" => {
                self.advance();
                self.punct("(")?;
                let values = self.list(Self::value)?;
                self.punct(")")?;
                self.keyword("bytes")?;
                let bytes = self.number("how many bytes")?;
                self.keyword("seed")?;
                Op::Hash(values, bytes, self.number("a seed")?)
            }
            "cmp" => {
                self.advance();
                let condition = self.condition()?;
                let (a, b) = self.pair()?;
                Op::Compare(condition, a, b)
            }
            "range" => {
                self.advance();
                let value = self.value()?;
                self.punct(",")?;
                let low = self.number("a lower end")?;
                self.punct("..")?;
                Op::InRange(value, Box::new((low, self.number("an upper end")?)))
            }
            "avail" => {
                self.advance();
                if self.eat_word("at") {
                    let offset = self.value()?;
                    self.punct("+")?;
                    Op::AvailableAt(offset, self.number("a size")?)
                } else {
                    let base = self.word("a base")?;
                    Op::Available(base, self.number("a size")?)
                }
            }
            "scan" => {
                self.advance();
                Op::Scan(self.scan()?)
            }
            "lookup" => {
                self.advance();
                Op::Lookup(self.lookup()?)
            }
            "control-group" => {
                self.advance();
                let Token::Text(path) = self.peek() else { return self.expected("a path") };
                let op = Op::ControlGroup(path.as_str().into());
                self.advance();
                op
            }
            "random" => {
                self.advance();
                Op::Random
            }
            "find" => {
                self.advance();
                let table = self.table()?;
                self.punct("(")?;
                let key = self.list(Self::value)?;
                self.punct(")")?;
                Op::Find(table, key)
            }
            "touch" => {
                self.advance();
                let table = self.table()?;
                let touch = if self.eat_word("existing") {
                    Touch::Existing
                } else if self.eat_word("update") {
                    Touch::Update(self.timeout()?)
                } else {
                    self.keyword("add")?;
                    Touch::Add(self.timeout()?)
                };
                self.punct("(")?;
                let key = self.list(Self::value)?;
                self.punct(")")?;
                Op::Touch(table, touch, key)
            }
            "found" => {
                self.advance();
                Op::Found(self.value()?)
            }
            "field" => {
                self.advance();
                let ty = self.suffix()?;
                let element = self.value()?;
                Op::Field(ty, element, self.number("a field's place")?)
            }
            "query" => {
                self.advance();
                self.query()?
            }
            "take" => {
                self.advance();
                Op::Take(self.state()?)
            }
            _ => return self.expected("an operation"),
        };
        Ok(op)
    }

    fn pair(&mut self) -> Result<(Value, Value)> {
        let a = self.value()?;
        self.punct(",")?;
        Ok((a, self.value()?))
    }

    /// `.i32` and so on.
    fn suffix(&mut self) -> Result<Type> {
        self.punct(".")?;
        self.word("a type")
    }

    fn condition(&mut self) -> Result<Condition> {
        let condition = match self.peek_word() {
            Some("eq") => Condition::Eq,
            Some("ne") => Condition::Ne,
            Some("lt") => Condition::Lt,
            Some("le") => Condition::Le,
            Some("gt") => Condition::Gt,
            Some("ge") => Condition::Ge,
            _ => return self.expected("a condition"),
        };
        self.advance();
        Ok(condition)
    }

    fn scan(&mut self) -> Result<Scan> {
        if self.eat_word("ipv6-headers") {
            return Ok(Scan::Ipv6Headers);
        }
        if self.eat_word("payload") {
            return Ok(Scan::Payload);
        }
        if self.eat_word("inner") {
            let tunnel = self.word("a tunnel")?;
            return Ok(Scan::Inner(tunnel, self.word("a part of the inner packet")?));
        }
        if self.peek_word().is_some_and(|word| super::entity(word, "probe").is_some()) {
            return self.probe().map(Scan::Probe);
        }
        if self.eat_word("tcp-mss") {
            return Ok(Scan::TcpMss);
        }
        if self.eat_word("sctp-chunk") {
            let Token::Text(text) = self.peek() else { return self.expected("a set of chunks") };
            let Ok(chunks) = text.parse() else { return self.expected("a set of chunks") };
            self.advance();
            return Ok(Scan::SctpChunk(Box::new(chunks)));
        }
        let kind: fn(u8) -> Scan = match self.peek_word() {
            Some("ipv6-header") => Scan::Ipv6Header,
            Some("tcp-option") => Scan::TcpOption,
            Some("dccp-option") => Scan::DccpOption,
            _ => return self.expected("a scan"),
        };
        self.advance();
        self.number("a kind").map(kind)
    }

    fn lookup(&mut self) -> Result<Lookup> {
        if self.eat_word("address-type") {
            let address = self.word("'saddr' or 'daddr'")?;
            return Ok(Lookup::AddressType(address, self.device()));
        }
        if self.eat_word("receiver") {
            return Ok(Lookup::Receiver { transparent: self.eat_word("transparent") });
        }
        if self.eat_word("transforms") {
            return Ok(Lookup::Transforms(self.way()?));
        }
        if self.eat_word("transform") {
            let way = self.way()?;
            let index = self.number("a transformation's place")?;
            return Ok(Lookup::Transform { way, index, field: self.transform_field()? });
        }
        if self.eat_word("receiver-mark") {
            return Ok(Lookup::ReceiverMark);
        }
        for (word, lookup) in [("route-mtu", Lookup::RouteMtu), ("return-mtu", Lookup::ReturnMtu)] {
            if self.eat_word(word) {
                return Ok(lookup);
            }
        }
        if self.eat_word("reverse-path") {
            return Ok(Lookup::ReversePath(ReversePath {
                loose: self.eat_word("loose"),
                valid_mark: self.eat_word("valid-mark"),
                accept_local: self.eat_word("accept-local"),
                other_kinds: self.eat_word("other-kinds"),
            }));
        }
        if self.eat_word("socket-group") {
            let low = self.number("a first group")?;
            self.punct("..")?;
            return Ok(Lookup::SocketGroup { low, high: self.number("a last group")? });
        }
        self.expected("a question")
    }

    fn way(&mut self) -> Result<Way> {
        let way = match self.peek_word() {
            Some("in") => Way::In,
            Some("out") => Way::Out,
            _ => return self.expected("'in' or 'out'"),
        };
        self.advance();
        Ok(way)
    }

    fn transform_field(&mut self) -> Result<TransformField> {
        let field = match self.peek_word() {
            Some("reqid") => TransformField::RequestId,
            Some("spi") => TransformField::Spi,
            Some("protocol") => TransformField::Protocol,
            Some("mode") => TransformField::Mode,
            Some("family") => TransformField::Family,
            _ => {
                let address = self.word("a field of a transformation")?;
                return Ok(TransformField::Address(address, self.number("a word's place")?));
            }
        };
        self.advance();
        Ok(field)
    }

    /// A device, none where something else follows.
    fn device(&mut self) -> Option<Device> {
        let device = self.peek_word()?.parse().ok()?;
        self.advance();
        Some(device)
    }

    fn source(&mut self) -> Result<Source> {
        if self.eat_word("meta") {
            self.punct(".")?;
            return self.word::<Meta>("a fact about the packet").map(Source::Meta);
        }
        if self.eat_word("socket") {
            self.punct(".")?;
            return self.word("a fact about the socket").map(Source::Socket);
        }
        if self.eat_word("ct") {
            self.punct(".")?;
            return self.ct_field().map(Source::Ct);
        }
        let base: Base = self.word("'link', 'net', 'th', 'meta', 'ct' or 'socket'")?;
        self.punct("+")?;
        Ok(Source::Payload(base, self.number("an offset")?))
    }

    fn ct_field(&mut self) -> Result<CtField> {
        let field = match self.peek_word() {
            Some("present") => CtField::Present,
            Some("state") => CtField::State,
            Some("status") => CtField::Status,
            Some("direction") => CtField::Direction,
            Some("mark") => CtField::Mark,
            Some("protocol") => CtField::Protocol,
            Some("counted") => CtField::Counted,
            Some("initiator") => CtField::Initiator,
            Some("helper") => CtField::Helper,
            Some("labels") => CtField::Labels,
            Some("expiration") => CtField::Expiration,
            Some("zone") => {
                self.advance();
                if !self.eat(".") {
                    return Ok(CtField::Zone(None));
                }
                return self.word("a direction").map(|direction| CtField::Zone(Some(direction)));
            }
            Some(word @ ("packets" | "bytes")) => {
                let field = if word == "packets" { CtField::Packets } else { CtField::Bytes };
                self.advance();
                self.punct(".")?;
                return self.word("a direction").map(field);
            }
            _ => {
                let tuple: CtTuple = self.word("a fact about the connection")?;
                self.punct(".")?;
                return Ok(CtField::Tuple(tuple, self.word("a tuple's part")?));
            }
        };
        self.advance();
        Ok(field)
    }
}

/// Renumbers and types one function.
struct Builder {
    function: Function,
    /// Numbers in the text, ascending: the position is the number without gaps.
    blocks: Vec<Block>,
    values: Vec<Value>,
}

impl Builder {
    fn new(function: Function, sections: &[Section]) -> Result<Self> {
        let mut blocks: Vec<_> = sections.iter().map(|s| (s.number, s.at)).collect();
        let results = sections.iter().flat_map(|section| &section.statements);
        let mut values: Vec<_> = results.filter_map(|s| Some((s.result?, s.at))).collect();
        blocks.sort();
        values.sort();
        for pair in blocks.windows(2) {
            if pair[0].0 == pair[1].0 {
                return Err(twice(pair[1].1, pair[1].0));
            }
        }
        for pair in values.windows(2) {
            if pair[0].0 == pair[1].0 {
                return Err(twice(pair[1].1, pair[1].0));
            }
        }
        Ok(Builder {
            function,
            blocks: blocks.into_iter().map(|(block, _)| block).collect(),
            values: values.into_iter().map(|(value, _)| value).collect(),
        })
    }

    fn block(&self, block: Block, at: LineColumn) -> Result<Block> {
        match self.blocks.binary_search(&block) {
            Ok(number) => Ok(Block::from_u32(number as u32)),
            Err(_) => Err(undefined(at, block)),
        }
    }

    fn value(&self, value: Value, at: LineColumn) -> Result<Value> {
        match self.values.binary_search(&value) {
            Ok(number) => Ok(Value::from_u32(number as u32)),
            Err(_) => Err(undefined(at, value)),
        }
    }

    fn build(mut self, sections: Vec<Section>) -> Result<Function> {
        let end =
            BlockData { insts: Vec::new(), terminator: Terminator::Return, origin: None.into() };
        for _ in &self.blocks {
            self.function.blocks.push(end.clone());
        }
        // The definition of each value, and where it stands.
        let mut definitions = vec![None; self.values.len()];
        for section in sections {
            let block = self.block(section.number, section.at)?;
            for statement in section.statements {
                let mut op = statement.op;
                let mut error = None;
                op.map_args(|value| match self.value(value, statement.at) {
                    Ok(value) => value,
                    Err(undefined) => {
                        error = Some(undefined);
                        value
                    }
                });
                if let Some(error) = error {
                    return Err(error);
                }
                let result = match statement.result {
                    Some(value) => Some(self.value(value, statement.at)?),
                    None => None,
                };
                let data = InstData { op, result: result.into(), origin: statement.origin.into() };
                let inst = self.function.insts.push(data);
                self.function.blocks[block].insts.push(inst);
                if let Some(value) = result {
                    definitions[value.as_u32() as usize] = Some((inst, statement.at));
                }
            }
            let mut terminator = section.terminator;
            for target in terminator.successors() {
                self.block(target, section.end)?;
            }
            terminator.map_blocks(|target| self.block(target, section.end).unwrap_or(target));
            if let Some(value) = terminator.arg() {
                let value = self.value(value, section.end)?;
                terminator.map_arg(|_| value);
            }
            self.function.layout.push(block);
            self.function.blocks[block].terminator = terminator;
            self.function.blocks[block].origin = section.origin.into();
        }
        self.types(&definitions)?;
        Ok(self.function)
    }

    /// Gives each value its type. Only arithmetic takes its type from another value, the first
    /// operand; such chains are followed to their start.
    fn types(&mut self, definitions: &[Option<(crate::Inst, LineColumn)>]) -> Result<()> {
        let mut types: Vec<Option<Type>> = vec![None; definitions.len()];
        let index = |value: Value| value.as_u32() as usize;
        let mut chain = Vec::new();
        for start in 0..definitions.len() {
            let mut at = start;
            let ty = loop {
                if let Some(ty) = types[at] {
                    break ty;
                }
                let Some((inst, position)) = definitions[at] else {
                    return Err(undefined(LineColumn { line: 1, column: 1 }, self.values[at]));
                };
                chain.push(at);
                if chain.len() > definitions.len() {
                    let message = format!("the type of {} depends on itself", self.values[start]);
                    return Err(ParseError::new(position, message));
                }
                let op = &self.function.insts[inst].op;
                match *op {
                    Op::Binary(_, a, _) => at = index(a),
                    _ => match op.fixed_type() {
                        Some(ty) => break ty,
                        None => {
                            let message = "the operation has no result".to_owned();
                            return Err(ParseError::new(position, message));
                        }
                    },
                }
            };
            for at in chain.drain(..) {
                types[at] = Some(ty);
            }
        }
        for (ty, definition) in types.into_iter().zip(definitions) {
            if let (Some(ty), Some((def, _))) = (ty, *definition) {
                self.function.values.push(ValueData { ty, def });
            }
        }
        Ok(())
    }
}

fn twice(at: LineColumn, name: impl std::fmt::Display) -> ParseError {
    ParseError::new(at, format!("{name} is defined twice"))
}

fn undefined(at: LineColumn, name: impl std::fmt::Display) -> ParseError {
    ParseError::new(at, format!("{name} is not defined"))
}
