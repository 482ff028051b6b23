//! Operand types and the numbers in instructions and terminators: what each operation allows by
//! itself, wherever it stands.

use super::{Violation, checker::Checker};
use crate::{
    Base, BinaryOp, Block, ChecksumField, FieldDef, Inst, Lookup, Op, PacketFamily, Rewrite, Scan,
    Source, Terminator, TransformField, Type, Value, Verdict, Way,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let function = checker.function;
    for &block in &function.layout {
        let data = &function.blocks[block];
        for &inst in &data.insts {
            if let Err(violation) = instruction(checker, inst) {
                checker.inst(block, inst, violation);
            }
        }
        if let Err(violation) = terminator(checker, block) {
            checker.terminator(block, violation);
        }
    }
}

fn terminator(checker: &Checker<'_>, block: Block) -> Result<(), Violation> {
    match checker.function.blocks[block].terminator {
        Terminator::Branch { condition, .. } => is(checker, condition, Type::Bool),
        Terminator::Switch(ref switch) => {
            let ty = number(checker, switch.value)?;
            if switch.is_sound(ty) { Ok(()) } else { Err(Violation::Arms) }
        }
        Terminator::Verdict(Verdict::Reject(reject)) => {
            let family = checker.function.family;
            match family.ip() {
                Some(ip) if reject.fits(ip) => Ok(()),
                _ => Err(Violation::RejectCode(family)),
            }
        }
        _ => Ok(()),
    }
}

fn is(checker: &Checker<'_>, value: Value, wanted: Type) -> Result<(), Violation> {
    match checker.function.ty(value) {
        found if found == wanted => Ok(()),
        found => Err(Violation::WrongType { value, found }),
    }
}

/// A number, which a bool or an element is not.
fn number(checker: &Checker<'_>, value: Value) -> Result<Type, Violation> {
    match checker.function.ty(value) {
        found @ (Type::Bool | Type::Element) => Err(Violation::WrongType { value, found }),
        ty => Ok(ty),
    }
}

fn same(checker: &Checker<'_>, a: Value, b: Value) -> Result<Type, Violation> {
    match (number(checker, a)?, number(checker, b)?) {
        (a, b) if a == b => Ok(a),
        (a, b) => Err(Violation::DifferentTypes(a, b)),
    }
}

fn instruction(checker: &Checker<'_>, inst: Inst) -> Result<(), Violation> {
    let function = checker.function;
    if function.family == PacketFamily::Other && asks_for_ip(&function.insts[inst].op) {
        return Err(Violation::NotIp);
    }
    match function.insts[inst].op {
        Op::Query(object, ref query, ref arguments) => {
            let def =
                checker.program.objects.get(object).ok_or(Violation::MissingObject(object))?;
            let types = query.arguments(&def.kind, function.family);
            match types.filter(|types| types.len() == arguments.len()) {
                Some(types) => {
                    arguments.iter().zip(types).try_for_each(|(&v, ty)| is(checker, v, ty))
                }
                None => Err(Violation::Query(object)),
            }
        }
        Op::Find(table, ref key) => {
            let def = checker.program.tables.get(table).ok_or(Violation::MissingTable(table))?;
            if key.len() != def.key.len() {
                return Err(Violation::Key(table));
            }
            key.iter().zip(&def.key).try_for_each(|(&value, part)| is(checker, value, part.ty))
        }
        Op::Touch(table, touch, ref values) => {
            let def = checker.program.tables.get(table).ok_or(Violation::MissingTable(table))?;
            let types = def.touched_with(touch).ok_or(Violation::Key(table))?;
            if values.len() != types.len() {
                return Err(Violation::Key(table));
            }
            values.iter().zip(types).try_for_each(|(&value, ty)| is(checker, value, ty))
        }
        Op::Remove(table, ref key) => {
            let def = checker.program.tables.get(table).ok_or(Violation::MissingTable(table))?;
            if key.len() != def.key.len() || !def.is_dynamic {
                return Err(Violation::Key(table));
            }
            key.iter().zip(&def.key).try_for_each(|(&value, part)| is(checker, value, part.ty))
        }
        Op::Found(element) => is(checker, element, Type::Element),
        Op::Field(ty, element, place) => {
            is(checker, element, Type::Element)?;
            let (table, touched) = match *function.definition(element) {
                Op::Find(table, _) => (table, false),
                Op::Touch(table, ..) => (table, true),
                _ => return Err(Violation::Field(place)),
            };
            let def = checker.program.tables.get(table).ok_or(Violation::MissingTable(table))?;
            match def.fields.get(usize::from(place)) {
                Some(FieldDef::State(..)) if !touched => Err(Violation::Field(place)),
                Some(field) if field.ty() == ty => Ok(()),
                _ => Err(Violation::Field(place)),
            }
        }
        Op::Const(Type::Element, _) => Err(Violation::SourceType(Type::Element)),
        Op::Const(ty, value) if value > ty.max() => Err(Violation::TooLarge(ty)),
        Op::Log(_, ref log) if !log.is_sound() => Err(Violation::Log),
        Op::Choose(ty @ (Type::Bool | Type::Element | Type::I128), ..) => {
            Err(Violation::SourceType(ty))
        }
        Op::Choose(ty, ref numbers, at) => match numbers.iter().all(|&number| number <= ty.max()) {
            true => is(checker, at, Type::I32),
            false => Err(Violation::TooLarge(ty)),
        },
        Op::CountAt(_, at) => is(checker, at, Type::I32),
        Op::Const(..)
        | Op::Log(..)
        | Op::Trace
        | Op::ToHost
        | Op::ControlGroup(_)
        | Op::Random
        | Op::Take(_)
        | Op::Count(_) => Ok(()),
        Op::Load(ty, source) => load(checker, ty, source),
        Op::LoadAt(ty @ (Type::Bool | Type::Element), ..) => Err(Violation::SourceType(ty)),
        Op::LoadAt(_, offset, _) | Op::AvailableAt(offset, _) => is(checker, offset, Type::I32),
        Op::Binary(op, a, b) => {
            let ty = same(checker, a, b)?;
            match op {
                BinaryOp::And | BinaryOp::Or | BinaryOp::Xor => Ok(()),
                _ if ty == Type::I128 => Err(Violation::WrongType { value: a, found: ty }),
                BinaryOp::Add
                | BinaryOp::Sub
                | BinaryOp::Mul
                | BinaryOp::Div
                | BinaryOp::Rem
                | BinaryOp::Min => Ok(()),
                BinaryOp::Shl | BinaryOp::Shr => match *function.definition(b) {
                    Op::Const(_, amount) if amount < u128::from(ty.bytes()) * 8 => Ok(()),
                    _ => Err(Violation::ShiftAmount),
                },
            }
        }
        Op::Extend(ty, value) => {
            let from = number(checker, value)?;
            if ty == Type::I128 || from.bytes() >= ty.bytes() {
                return Err(Violation::WrongType { value, found: from });
            }
            Ok(())
        }
        Op::Truncate(ty, value) => {
            let from = number(checker, value)?;
            if matches!(ty, Type::Bool | Type::Element) || from.bytes() <= ty.bytes() {
                return Err(Violation::WrongType { value, found: from });
            }
            Ok(())
        }
        Op::Hash(ref values, bytes, _) => {
            let mut all = 0;
            for &value in values {
                all += number(checker, value)?.bytes().next_multiple_of(4);
            }
            match bytes > 0 && all == bytes.next_multiple_of(4) {
                true => Ok(()),
                false => Err(Violation::HashLength(bytes)),
            }
        }
        Op::Calendar(_, value) => is(checker, value, Type::I64),
        Op::Compare(_, a, b) => same(checker, a, b).map(|_| ()),
        Op::InRange(value, ref ends) => {
            let (low, high) = **ends;
            let ty = number(checker, value)?;
            if low > high {
                return Err(Violation::EmptyRange);
            }
            if high > ty.max() { Err(Violation::TooLarge(ty)) } else { Ok(()) }
        }
        Op::Available(Base::Transport, _) => Ok(()),
        Op::Available(Base::Link, _) if function.family == PacketFamily::Other => Ok(()),
        Op::Available(..) => Err(Violation::AvailableBase),
        Op::Scan(Scan::Ipv6Header(_) | Scan::Ipv6Headers) => match function.family {
            PacketFamily::Ipv6 => Ok(()),
            PacketFamily::Ipv4 | PacketFamily::Other => Err(Violation::NotIpv6),
        },
        Op::Scan(
            Scan::Probe(_)
            | Scan::Payload
            | Scan::Inner(..)
            | Scan::TcpMss
            | Scan::TcpOption(_)
            | Scan::DccpOption(_)
            | Scan::SctpChunk(_),
        ) => Ok(()),
        Op::Lookup(Lookup::AddressType(_, Some(_))) if function.family != PacketFamily::Ipv4 => {
            Err(Violation::NotIpv4)
        }
        Op::Lookup(Lookup::SocketGroup { low, high }) if low > high => Err(Violation::EmptyRange),
        Op::Lookup(Lookup::Transform { index, .. }) if index >= Way::MOST => {
            Err(Violation::NoTransform)
        }
        Op::Lookup(Lookup::Transform { field: TransformField::Address(_, 4..), .. }) => {
            Err(Violation::NoTransform)
        }
        Op::Lookup(_) => Ok(()),
        Op::SetMark(value) | Op::SetConnectionMark(value) => is(checker, value, Type::I32),
        Op::Rewrite(ref rewrite) => rewrites(checker, rewrite),
    }
}

/// Whether only packets of IP have what an operation asks for or changes.
fn asks_for_ip(op: &Op) -> bool {
    match op {
        Op::Load(_, Source::Ct(_))
        | Op::SetConnectionMark(_)
        | Op::Scan(_)
        | Op::Lookup(_)
        | Op::Query(..) => true,
        Op::Rewrite(rewrite) => !matches!(
            rewrite,
            Rewrite::Priority(_)
                | Rewrite::Queue(_)
                | Rewrite::StoreAt(..)
                | Rewrite::Store(Base::Link, _, _)
        ),
        _ => false,
    }
}

fn rewrites(checker: &Checker<'_>, rewrite: &Rewrite) -> Result<(), Violation> {
    let place = |base, offset, ty| load(checker, ty, Source::Payload(base, offset));
    match *rewrite {
        Rewrite::Store(base, offset, value) => place(base, offset, number(checker, value)?),
        Rewrite::StoreAt(offset, _, value) => {
            number(checker, value)?;
            is(checker, offset, Type::I32)
        }
        Rewrite::Insert(offset, _) if offset < 20 => Err(Violation::InsertedInside),
        Rewrite::Insert(_, value)
        | Rewrite::Strip(value, ..)
        | Rewrite::Priority(value)
        | Rewrite::Queue(value) => is(checker, value, Type::I32),
        Rewrite::Checksum(ChecksumField { base: Base::Link, .. }, ..) => {
            Err(Violation::WrittenBase)
        }
        Rewrite::Checksum(field, old, new) => match same(checker, old, new)? {
            Type::I16 | Type::I32 => place(field.base, field.offset, Type::I16),
            found => Err(Violation::WrongType { value: old, found }),
        },
    }
}

fn load(checker: &Checker<'_>, ty: Type, source: Source) -> Result<(), Violation> {
    let family = checker.function.family;
    let (wanted, room) = match source {
        Source::Meta(meta) => (meta.ty(), None),
        Source::Ct(field) => (field.ty(family), None),
        Source::Socket(field) => (field.ty(), None),
        Source::Payload(base, offset) => {
            if matches!(ty, Type::Bool | Type::Element) {
                return Err(Violation::SourceType(ty));
            }
            let fixed = match (base, family) {
                (Base::Link, PacketFamily::Other) if offset >= 14 => None,
                (Base::Link, _) => Some(14),
                (Base::Network, PacketFamily::Ipv4) => Some(20),
                (Base::Network, PacketFamily::Ipv6) => Some(40),
                (Base::Network, PacketFamily::Other) => Some(0),
                (Base::Transport, _) => None,
            };
            (ty, fixed.map(|fixed| (offset, fixed)))
        }
    };
    if ty != wanted {
        return Err(Violation::SourceType(wanted));
    }
    match room {
        Some((offset, fixed)) if u32::from(offset) + u32::from(ty.bytes()) > fixed => {
            Err(Violation::OutsideHeader)
        }
        _ => Ok(()),
    }
}
