//! One call of a chain, and what its instructions do.

use crate::{Fault, Run};
use bpfc_ir::jenkins::{hashed_bytes, jenkins};
use bpfc_ir::{BinaryOp, Block, Func, Function, Inst, LogKind, Op, Type, Value};
use rustc_hash::FxHashMap;

pub(crate) struct Frame<'a> {
    pub func: Func,
    pub function: &'a Function,
    pub block: Block,
    /// Blocks that were run: more than there are means a cycle.
    pub steps: usize,
    /// Values by number: few of a function's are ever computed for one packet.
    values: FxHashMap<Value, u128>,
    /// The fields of elements that were looked for; none where there is no such element.
    elements: FxHashMap<Value, Option<Vec<u128>>>,
}

impl<'a> Frame<'a> {
    pub fn new(func: Func, function: &'a Function, block: Block) -> Self {
        Frame {
            func,
            function,
            block,
            steps: 0,
            values: FxHashMap::default(),
            elements: FxHashMap::default(),
        }
    }

    pub fn value(&self, value: Value) -> Result<u128, Fault> {
        self.values.get(&value).copied().ok_or(Fault::Undefined(value))
    }

    fn element(&self, value: Value) -> Result<Option<&[u128]>, Fault> {
        self.elements.get(&value).map(Option::as_deref).ok_or(Fault::Undefined(value))
    }

    fn ty(&self, value: Value) -> Result<Type, Fault> {
        self.function.values.get(value).map(|data| data.ty).ok_or(Fault::Undefined(value))
    }
}

impl<'a> Run<'a, '_, '_> {
    pub(crate) fn instruction(&mut self, frame: &mut Frame<'a>, inst: Inst) -> Result<(), Fault> {
        let data = frame.function.insts.get(inst).ok_or(Fault::Missing)?;
        let operands = Fault::Operands(inst);
        let offset = |value| u32::try_from(frame.value(value)?).map_err(|_| Fault::Operands(inst));
        if let Some(fact) = data.op.host_fact()
            && !self.environment.knows(fact)
        {
            let rule = data.origin.expand().and_then(|origin| origin.first(self.program));
            return Err(Fault::Unknown { fact, rule });
        }
        let (ty, value) = match data.op {
            Op::Const(ty, value) => (ty, value),
            Op::Load(ty, source) => {
                let value = self.load(frame.function.family, ty, source);
                (ty, value.ok_or(Fault::Unguarded(inst))?)
            }
            Op::LoadAt(ty, at, displacement) => {
                let value = self.load_at(ty, offset(at)?, displacement);
                (ty, value.ok_or(Fault::Unguarded(inst))?)
            }
            Op::Binary(op, a, b) => {
                let ty = frame.ty(a)?;
                let value = binary(op, ty, frame.value(a)?, frame.value(b)?);
                (ty, value.ok_or(operands)?)
            }
            Op::Extend(ty, value) => (ty, frame.value(value)?),
            Op::Truncate(ty, value) => (ty, frame.value(value)? & ty.max()),
            Op::Calendar(field, value) => {
                let seconds = u64::try_from(frame.value(value)?).map_err(|_| operands)?;
                (Type::I32, field.of(seconds).into())
            }
            Op::Hash(ref values, bytes, seed) => {
                let numbers: Option<Vec<(Type, u128)>> = values
                    .iter()
                    .map(|&value| Some((frame.ty(value).ok()?, frame.value(value).ok()?)))
                    .collect();
                let all = hashed_bytes(numbers.ok_or(operands)?);
                (Type::I32, jenkins(&all[..usize::from(bytes).min(all.len())], seed).into())
            }
            Op::Compare(condition, a, b) => {
                (Type::Bool, condition.holds(frame.value(a)?, frame.value(b)?).into())
            }
            Op::InRange(value, ref ends) => {
                (Type::Bool, (ends.0..=ends.1).contains(&frame.value(value)?).into())
            }
            Op::Available(base, bytes) => (Type::Bool, self.available(base, bytes).into()),
            Op::AvailableAt(at, bytes) => {
                (Type::Bool, self.available_at(offset(at)?, bytes).into())
            }
            Op::Scan(ref scan) => {
                (Type::I32, self.scan(scan).ok_or(Fault::Unguarded(inst))?.into())
            }
            Op::Lookup(lookup) => (Type::I32, self.lookup(lookup).into()),
            Op::ControlGroup(ref path) => (Type::I32, self.control_group(path).into()),
            Op::Random => (Type::I32, self.environment.random().into()),
            Op::Take(state) => {
                (Type::I32, self.take(state).ok_or(Fault::MissingState(state))?.into())
            }
            Op::Query(object, ref query, ref arguments) => {
                let arguments = arguments.iter().map(|&value| frame.value(value));
                let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
                let answer = self.query(object, query, &arguments).ok_or(operands)?;
                (Type::I32, answer.into())
            }
            Op::Find(table, ref key) => {
                let key = key.iter().map(|&value| frame.value(value));
                let key = key.collect::<Result<Vec<_>, _>>()?;
                let found = self.find(table, &key);
                frame.elements.insert(data.result.expand().ok_or(operands)?, found);
                return Ok(());
            }
            Op::Touch(table, touch, ref key) => {
                let key = key.iter().map(|&value| frame.value(value));
                let key = key.collect::<Result<Vec<_>, _>>()?;
                let touched = self.touch(table, touch, &key).ok_or(operands)?;
                frame.elements.insert(data.result.expand().ok_or(operands)?, touched);
                return Ok(());
            }
            Op::Remove(table, ref key) => {
                let key = key.iter().map(|&value| frame.value(value));
                let key = key.collect::<Result<Vec<_>, _>>()?;
                return self.remove(table, &key).ok_or(operands);
            }
            Op::Found(element) => (Type::Bool, frame.element(element)?.is_some().into()),
            Op::Field(ty, element, place) => {
                let fields = frame.element(element)?.ok_or(Fault::Unguarded(inst))?;
                (ty, *fields.get(usize::from(place)).ok_or(operands)?)
            }
            Op::Count(counted) => {
                for counter in self.program.counted(counted) {
                    self.count(counter);
                }
                return Ok(());
            }
            Op::CountAt(list, at) => {
                let counters = self.program.counter_lists.get(list).ok_or(operands)?;
                if let Some(&counter) = counters.get(frame.value(at)? as usize) {
                    self.environment.count(counter, self.packet.length());
                    self.rules.extend(self.program.counters.get(counter).map(|def| def.rule));
                }
                return Ok(());
            }
            Op::Choose(ty, ref numbers, at) => {
                (ty, numbers.get(frame.value(at)? as usize).copied().unwrap_or(0))
            }
            Op::Trace => {
                self.traced = true;
                return Ok(());
            }
            Op::Log(rule, ref log) => {
                if self.traced || log.kind != LogKind::Trace {
                    self.logs.push(rule);
                }
                return Ok(());
            }
            Op::SetMark(value) => {
                self.mark = offset(value)?;
                return Ok(());
            }
            Op::SetConnectionMark(value) => {
                let mark = offset(value)?;
                self.connection_mark = Some(mark);
                return self.packet.packet().conntrack.map(drop).ok_or(Fault::Unguarded(inst));
            }
            Op::ToHost => {
                self.packet_type = bpfc_packet::pkt_type::HOST;
                return Ok(());
            }
            Op::Rewrite(ref rewrite) => {
                let (a, b) = rewrite.args();
                let ty = frame.ty(b.unwrap_or(a))?;
                let values = (frame.value(a)?, b.map(|b| frame.value(b)).transpose()?);
                return self.rewrite(rewrite, ty, values).ok_or(Fault::Unguarded(inst));
            }
        };
        if value > ty.max() {
            return Err(operands);
        }
        frame.values.insert(data.result.expand().ok_or(operands)?, value);
        Ok(())
    }
}

/// Arithmetic modulo a type's size; none for a shift amount beyond the width.
fn binary(op: BinaryOp, ty: Type, a: u128, b: u128) -> Option<u128> {
    let value = match op {
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Xor => a ^ b,
        BinaryOp::Add => a.wrapping_add(b),
        BinaryOp::Sub => a.wrapping_sub(b),
        BinaryOp::Mul => a.wrapping_mul(b),
        BinaryOp::Div => a.checked_div(b).unwrap_or(0),
        BinaryOp::Rem => a.checked_rem(b).unwrap_or(a),
        BinaryOp::Min => a.min(b),
        BinaryOp::Shl | BinaryOp::Shr if b >= u128::from(ty.bytes()) * 8 => return None,
        BinaryOp::Shl => a << b,
        BinaryOp::Shr => a >> b,
    };
    Some(value & ty.max())
}
