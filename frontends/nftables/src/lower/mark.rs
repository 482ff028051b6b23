//! What rules note beside packets: marks, priorities, types (net/netfilter/nft_meta.c,
//! `nft_meta_set_eval`; net/netfilter/nft_ct.c, `nft_ct_set_eval`).

use super::chain::Cx;
use super::registers::{Content, Meaning, only_number};
use super::{Lowered, unsupported};
use crate::model::{
    Comparison, Data, Expression, Found, Operation, PayloadBase, Register, SetName,
};
use bpfc_diag::{Code, Diagnostic};
use bpfc_ir::{Condition, CtField, Meta, Op, PacketFamily, Rewrite, Type, Value};

/// The protocols whose connections programs can write to (net/netfilter/nf_conntrack_bpf.c).
const WRITTEN: [u128; 2] = [6, 17];

impl Cx<'_, '_> {
    /// Gives something of the packet a new value.
    pub fn set_meta(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::MetaSet { key, from } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        let op = match key.kernel {
            "mark" => Op::SetMark(self.host_word(*from, expression)?),
            "priority" => Op::Rewrite(Rewrite::Priority(self.host_word(*from, expression)?)),
            "pkttype" => return self.set_packet_type(*from, expression),
            _ => return Err(unsupported(expression, &format!("changing meta {}", key.name))),
        };
        self.builder.push(op);
        Ok(())
    }

    /// Makes a packet one for this host; those that this host sends, or that come back to it, stay
    /// what they are (include/linux/skbuff.h, `skb_pkt_type_ok`).
    fn set_packet_type(&mut self, from: Register, expression: &Expression) -> Lowered<()> {
        const OTHER_HOST: u128 = 3;
        let content = self.plain(from, expression)?;
        if self.builder.constant_of(content.value) != Some(0) {
            let what = "making a packet another one than for this host";
            return Err(unsupported(expression, what));
        }
        let done = self.builder.block();
        let now = self.builder.meta(Meta::PacketType);
        let changes = self.builder.in_range(now, 1, OTHER_HOST);
        self.builder.require(changes, done);
        self.builder.push(Op::ToHost);
        self.builder.jump(done);
        self.builder.switch_to(done);
        Ok(())
    }

    /// Gives the packet's connection a new mark; the rule goes on where it has none.
    pub fn set_ct(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::CtSet { key, from, .. } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        if key.kernel != "mark" {
            return Err(unsupported(expression, &format!("changing ct {}", key.name)));
        }
        if self.is_other() {
            return Ok(());
        }
        if !self.is_of_written() {
            let message = "the rule marks connections of every protocol, and programs can write to \
                           those of TCP and UDP alone";
            let error = Diagnostic::error(Code::UNSUPPORTED_VALUE, expression.span, message);
            let help = "say which packets in the rule, as by `meta l4proto { tcp, udp }`, or leave it \
                        to the kernel";
            return Err(Box::new(error.with_help(help)));
        }
        let value = self.host_word(*from, expression)?;
        let done = self.builder.block();
        let present = self.builder.ct(CtField::Present);
        let present = self.builder.compare_const(Condition::Ne, present, 0);
        self.builder.require(present, done);
        self.builder.push(Op::SetConnectionMark(value));
        self.builder.jump(done);
        self.builder.switch_to(done);
        Ok(())
    }

    /// Whether packets that have come so far in the rule are those of [`WRITTEN`] alone.
    fn is_of_written(&self) -> bool {
        let table = &self.shared.ruleset.tables[self.place.table];
        let is_written = |data: &Data| only_number(data).is_some_and(|n| WRITTEN.contains(&n));
        // A sender's system is known of TCP alone.
        let is_osf = |of: &Expression| matches!(of.operation, Operation::Osf { .. });
        if self.before.iter().any(is_osf) {
            return true;
        }
        self.before.windows(2).any(|pair| {
            let held = match pair[0].operation {
                Operation::Meta { key, to } if key.kernel == "l4proto" => to,
                Operation::Payload { base: PayloadBase::Network, offset: 9, bytes: 1, to }
                    if self.family == PacketFamily::Ipv4 =>
                {
                    to
                }
                _ => return false,
            };
            match &pair[1].operation {
                Operation::Compare { op: Comparison::Eq, register, data } => {
                    *register == held && is_written(data)
                }
                Operation::Lookup { register, set, found, is_inverted: false } => {
                    let set = match set {
                        SetName::Anonymous(_) => table.set_of(set),
                        SetName::Named(_) => None,
                    };
                    let elements = set.map_or(&[][..], |set| &set.elements);
                    let all =
                        elements.iter().all(|element| element.key.as_ref().is_some_and(is_written))
                            && set.is_some_and(|set| !set.flags.interval);
                    *register == held && *found == Found::Nothing && !elements.is_empty() && all
                }
                _ => false,
            }
        })
    }

    /// A register of four bytes in the machine's order.
    fn host_word(&mut self, from: Register, expression: &Expression) -> Lowered<Value> {
        let content = self.plain(from, expression)?;
        let wide = self.widened(content, 4);
        match wide {
            Some(Content { value, .. }) if self.type_of(value) == Type::I32 => Ok(value),
            _ => Err(unsupported(expression, "a value of this size or byte order here")),
        }
    }

    /// The same number in so many bytes at least: what is in the machine's order has zeros where it
    /// has no bytes, since registers are 32 bits. None of numbers in the order of packets.
    pub fn widened(&mut self, content: Content, bytes: u32) -> Option<Content> {
        if content.bytes >= bytes {
            return Some(content);
        }
        let is_number =
            content.meaning == Meaning::Plain && (content.is_host || content.bytes == 1);
        let ty = super::registers::type_of(bytes).filter(|ty| is_number && *ty != Type::I128)?;
        let value = match self.type_of(content.value) {
            narrow if narrow.bytes() < ty.bytes() => self.builder.extend(ty, content.value),
            _ => content.value,
        };
        Some(Content { value, bytes, is_host: true, ..content })
    }
}
