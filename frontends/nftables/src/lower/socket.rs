//! What the socket knows that will receive a packet (net/netfilter/nft_socket.c).

use super::chain::Cx;
use super::{Lowered, unsupported};
use crate::model::{Expression, Register};
use bpfc_ir::{BinaryOp, Lookup, Receiver, Type, Value};

impl Cx<'_, '_> {
    /// Loads what the socket says; the rule ends where there is none, and where one that is not
    /// complete does not know.
    pub fn socket(&mut self, expression: &Expression, key: &str, to: Register) -> Lowered<()> {
        if self.is_other() {
            self.leave();
            return Ok(());
        }
        let transparent = key == "transparent";
        let receiver = self.builder.lookup(Lookup::Receiver { transparent });
        self.require_bit(receiver, Receiver::FOUND);
        let value = match key {
            "transparent" => self.bit(receiver, Receiver::TRANSPARENT),
            "mark" => {
                self.require_bit(receiver, Receiver::FULL);
                let mark = self.builder.lookup(Lookup::ReceiverMark);
                self.put(to, mark, 4, true);
                return Ok(());
            }
            "wildcard" => {
                self.require_bit(receiver, Receiver::FULL);
                let bound = self.bit(receiver, Receiver::BOUND);
                let one = self.builder.constant(self.type_of(bound), 1);
                self.builder.binary(BinaryOp::Xor, bound, one)
            }
            "cgroupv2" => return Err(unsupported(expression, "socket cgroupv2")),
            _ => return Err(unsupported(expression, &format!("socket {key}"))),
        };
        let byte = self.builder.truncate(Type::I8, value);
        self.put(to, byte, 1, true);
        Ok(())
    }

    /// A bit as 0 or 1.
    fn bit(&mut self, number: Value, bit: u32) -> Value {
        let ty = self.type_of(number);
        let by = self.builder.constant(ty, bit.trailing_zeros().into());
        let moved = self.builder.binary(BinaryOp::Shr, number, by);
        self.builder.mask(moved, 1)
    }

    /// Ends the rule where a bit is not set.
    fn require_bit(&mut self, number: Value, bit: u32) {
        let masked = self.builder.mask(number, bit.into());
        self.require_nonzero(masked);
    }
}
