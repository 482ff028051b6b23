//! How packets are rejected: by the message that fits what a rule knows of them.

use super::context::{Context, StepKind};
use super::{Evaluated, error};
use crate::datatype::*;
use crate::model::{Family, Operation};
use crate::protocol::*;
use crate::syntax::ast::{Expr, ExprKind, RejectWith};
use bpfc_diag::{Code, Span};

const BY_ICMP: u32 = 0;
const BY_RESET: u32 = 1;
const BY_ICMPX: u32 = 2;

impl Context<'_> {
    pub(super) fn reject(&mut self, with: Option<&RejectWith>, span: Span) -> Evaluated<()> {
        let family = self.protocols().family;
        if family == Family::Arp {
            let message = "packets of ARP are not rejected";
            return Err(error(Code::NFT_STATEMENT, span, message));
        }
        let network =
            self.protocols().at(Layer::Network).filter(|known| **known == IP || **known == IP6);
        let (kind, code, of) = match with {
            None => self.default_reject(network, span)?,
            Some(RejectWith::TcpReset) => (BY_RESET, 0, None),
            Some(RejectWith::Icmp(code)) => (BY_ICMP, self.code(code, &ICMP_CODE)?, Some(&IP)),
            Some(RejectWith::Icmpv6(code)) => (BY_ICMP, self.code(code, &ICMPV6_CODE)?, Some(&IP6)),
            Some(RejectWith::Icmpx(code)) => (BY_ICMPX, self.code(code, &ICMPX_CODE)?, None),
        };
        let of_family = match family {
            Family::Ip => Some(&IP),
            Family::Ip6 => Some(&IP6),
            _ => None,
        };
        if kind == BY_ICMPX && of_family.is_some() {
            let message = "icmpx is for families with packets of IPv4 and IPv6";
            let mut diagnostic = error(Code::NFT_STATEMENT, span, message);
            let name = if family == Family::Ip { "icmp" } else { "icmpv6" };
            diagnostic.help = Some(format!("write `reject with {name}`"));
            return Err(diagnostic);
        }
        let known = network.or(of_family);
        if let (Some(of), Some(known)) = (of, known)
            && of != known
        {
            let message =
                format!("packets of {} are not rejected by a message of {}", known.name, of.name);
            return Err(error(Code::NFT_PROTOCOL, span, message));
        }
        let other =
            self.protocols().at(Layer::Network).filter(|known| **known != IP && **known != IP6);
        if let Some(other) = other {
            let message = format!("packets of {} are not rejected", other.name);
            return Err(error(Code::NFT_STATEMENT, span, message));
        }
        match kind {
            BY_RESET => self.require_tcp(span)?,
            // The match comes first, so that nothing before is done to what is not rejected.
            BY_ICMP if known.is_none() => {
                let of = of.unwrap_or(&IP);
                let below = self.protocols().at(Layer::Link).unwrap_or(&INET);
                self.first(|context| context.require_upper(below, of, span))?;
            }
            _ => {}
        }
        self.step(StepKind::Plain(Operation::Reject { kind, code }), span);
        Ok(())
    }

    fn require_tcp(&mut self, span: Span) -> Evaluated<()> {
        match self.protocols().at(Layer::Transport) {
            Some(known) if *known == TCP => Ok(()),
            Some(known) => {
                let message = format!("packets of {} are not answered by a TCP reset", known.name);
                Err(error(Code::NFT_PROTOCOL, span, message))
            }
            None => {
                let below = self.protocols().at(Layer::Network).unwrap_or(&ANY_TRANSPORT);
                self.first(|context| context.require_upper(below, &TCP, span))
            }
        }
    }

    fn default_reject(
        &mut self,
        network: Option<&'static Protocol>,
        _: Span,
    ) -> Evaluated<(u32, u8, Option<&'static Protocol>)> {
        let known = network.or(match self.protocols().family {
            Family::Ip => Some(&IP),
            Family::Ip6 => Some(&IP6),
            _ => None,
        });
        Ok(match known {
            None => (BY_ICMPX, 1, None),
            Some(known) if *known == IP => (BY_ICMP, 3, Some(known)),
            Some(known) => (BY_ICMP, 4, Some(known)),
        })
    }

    fn code(&mut self, code: &Expr, datatype: &'static Datatype) -> Evaluated<u8> {
        let ExprKind::Symbol(word) = &code.kind else {
            return Err(error(Code::NFT_TYPE, code.span, "this is not a code of ICMP"));
        };
        match datatype.read(word, self.machine) {
            Ok(meaning) => match u8::try_from(meaning.value) {
                Ok(code) => Ok(code),
                Err(_) => {
                    let message = format!("a code is 0 to 255, not {}", meaning.value);
                    Err(error(Code::NFT_VALUE, code.span, message))
                }
            },
            Err(none) => {
                let mut diagnostic = error(Code::NFT_VALUE, code.span, none.message);
                diagnostic.help = none.help;
                Err(diagnostic)
            }
        }
    }
}
