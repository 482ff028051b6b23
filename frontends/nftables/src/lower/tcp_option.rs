//! What rules do to options of TCP (net/netfilter/nft_exthdr.c, `nft_exthdr_tcp_set_eval` and
//! `nft_exthdr_tcp_strip_eval`): the rule goes on where there is no such option, and ends where the
//! header is not sound.

use super::chain::Cx;
use super::extension::Wanted;
use super::{Lowered, unsupported};
use crate::model::{Expression, Operation};
use crate::protocol::ExtensionKind;
use bpfc_ir::{ChecksumField, Condition, Op, OptionKinds, Rewrite, Stripped, Type, Verdict};

/// The option that says how long segments may be: its number is only ever made smaller.
const MAXIMUM_SEGMENT_SIZE: u8 = 2;

impl Cx<'_, '_> {
    /// Gives two or four bytes of an option a new value.
    pub fn store_option(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::ExtensionStore { kind, number, offset, bytes, from } = expression.operation
        else {
            return Err(unsupported(expression, "this"));
        };
        let ty = match bytes {
            2 => Type::I16,
            4 => Type::I32,
            _ => {
                let what = "setting other than two or four bytes of an option, as in the kernel,";
                return Err(unsupported(expression, what));
            }
        };
        if kind != ExtensionKind::Tcp || offset < 2 {
            return Err(unsupported(expression, "setting this part of an option"));
        }
        if self.is_other() {
            self.leave();
            return Ok(());
        }
        let new = self.in_packet_order(from, bytes, expression)?.value;
        let done = self.builder.block();
        let wanted = Wanted { kind, number, offset, bytes };
        let header = self.tcp_header(self.next);
        let at = self.tcp_option(header, &wanted, done, self.next);
        let b = &mut self.builder;
        let old = b.load_at(ty, at, offset as u16);
        let changes = match (number, ty) {
            (MAXIMUM_SEGMENT_SIZE, Type::I16) => Condition::Gt,
            _ => Condition::Ne,
        };
        let changes = b.compare(changes, old, new);
        b.require(changes, done);
        b.push(Op::Rewrite(Rewrite::Checksum(ChecksumField::TCP, old, new)));
        b.push(Op::Rewrite(Rewrite::StoreAt(at, offset as u16, new)));
        b.jump(done);
        b.switch_to(done);
        Ok(())
    }

    /// Makes padding of the first option of a kind.
    pub fn strip_option(&mut self, number: u8) {
        if self.is_other() {
            self.leave();
            return;
        }
        let [done, sound, cut] = [(); 3].map(|()| self.builder.block());
        let wanted = Wanted { kind: ExtensionKind::Tcp, number, offset: 0, bytes: 1 };
        let header = self.tcp_header(self.next);
        self.tcp_option(header, &wanted, done, cut);
        self.builder.jump(sound);
        self.builder.switch_to(cut);
        self.builder.verdict(Verdict::Drop);
        self.builder.switch_to(sound);
        let mut kinds = OptionKinds::default();
        kinds.insert(number);
        let strip = Rewrite::Strip(header.length, Box::new(kinds), Stripped::First);
        self.builder.push(Op::Rewrite(strip));
        self.builder.jump(done);
        self.builder.switch_to(done);
    }
}
