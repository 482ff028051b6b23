//! What a field implies: matches on the protocols that must be there for it to exist, put before
//! the statement that names it.

use super::context::{Context, Step, StepKind};
use super::protocols::start_of;
use super::typed::{Kind, Load, Payload, Typed};
use super::{Evaluated, error};
use crate::datatype::{INTEGER, Order};
use crate::model::Family;
use crate::protocol::*;
use crate::selector::{CT_L3PROTOCOL, MetaKey, meta};
use crate::syntax::ast::RelationOp;
use bpfc_diag::{Code, Diagnostic, Span};

fn conflict(span: Span, known: &Protocol, wanted: &Protocol) -> Box<Diagnostic> {
    let message = format!(
        "{} contradicts {}: a packet has one {} protocol",
        wanted.name,
        known.name,
        match wanted.layer {
            Layer::Link => "link layer",
            Layer::Network => "network",
            Layer::Transport => "transport",
            Layer::Inner => "inner",
        }
    );
    error(Code::NFT_PROTOCOL, span, message)
}

impl Context<'_> {
    /// Makes sure that the header of a field is there, and says where in its layer it begins.
    pub(super) fn require(&mut self, payload: &mut Payload, span: Span) -> Evaluated<()> {
        let Some(wanted) = payload.protocol.filter(|_| !payload.is_raw) else { return Ok(()) };
        let layer = payload.layer;
        let Some(known) = self.protocols().at(layer) else {
            self.establish(payload, wanted, span)?;
            let known = self.protocols().at(layer);
            if known != Some(wanted) && layer == Layer::Link {
                let known = known.unwrap_or(&UNKNOWN);
                let number =
                    known.number_of(wanted).ok_or_else(|| conflict(span, known, wanted))?;
                self.require_link(number, span)?;
                payload.offset += self.protocols().stacked.first().map_or(0, |below| below.length);
                return Ok(());
            }
            return self.require_icmp_type(payload, span);
        };
        if let Some(other) = self.protocols().ambiguous(layer, wanted) {
            return Err(conflict(span, other, wanted));
        }
        if known == wanted {
            if layer == Layer::Link {
                payload.offset += self.stacked_bits();
            }
            return self.require_icmp_type(payload, span);
        }
        if layer == Layer::Link && self.resolve_link(known, payload, wanted, span)? {
            return Ok(());
        }
        Err(conflict(span, known, wanted))
    }

    fn stacked_bits(&mut self) -> u32 {
        self.protocols().stacked.iter().map(|below| below.length).sum()
    }

    /// Puts a header behind a link layer header that another one is known to be. Whether it can.
    fn resolve_link(
        &mut self,
        known: &'static Protocol,
        payload: &mut Payload,
        wanted: &'static Protocol,
        span: Span,
    ) -> Evaluated<bool> {
        let mut base = known;
        if *known == INET || *known == NETDEV {
            match self.inner.is_some() {
                true => self.protocols().set(Layer::Link, &ETHER),
                false => self.require_device_type(wanted, span)?,
            }
            base = wanted;
        } else if self.protocols().stacked.contains(&wanted) {
            return Ok(true);
        }
        if let Some(number) = base.number_of(wanted) {
            self.require_link(number, span)?;
            payload.offset += self.stacked_bits();
            return Ok(true);
        }
        Ok(self.protocols().at(Layer::Link) == Some(wanted))
    }

    /// The current link layer header says that the next one follows.
    fn require_link(&mut self, number: u32, span: Span) -> Evaluated<()> {
        let known = self.protocols().at(Layer::Link).unwrap_or(&UNKNOWN);
        self.require_key(known, number, span)
    }

    /// `meta iiftype`, so that a link layer header is one of Ethernet.
    fn require_device_type(&mut self, wanted: &'static Protocol, span: Span) -> Evaluated<()> {
        if *wanted != ETHER && ETHER.number_of(wanted).is_none() {
            let message = format!("packets of this family have no {} header", wanted.name);
            return Err(error(Code::NFT_PROTOCOL, span, message));
        }
        self.require_meta(&meta::IIFTYPE, 1, span)
    }

    /// A match on the protocol below, that says that this one follows.
    fn establish(
        &mut self,
        payload: &Payload,
        wanted: &'static Protocol,
        span: Span,
    ) -> Evaluated<()> {
        let family = self.protocols().family;
        let (start, _) = start_of(family);
        if payload.layer < start {
            return self.require_device_type(wanted, span);
        }
        let below = match payload.layer {
            Layer::Link => None,
            Layer::Network => self.protocols().at(Layer::Link),
            Layer::Transport => self.protocols().at(Layer::Network),
            Layer::Inner => self.protocols().at(Layer::Transport),
        };
        let mut below = match below {
            Some(below) => below,
            None => self.special(payload, wanted, span)?,
        };
        // Behind VLAN tags the kernel knows the protocol; the Ethernet header does not say it.
        if family == Family::Bridge && *below == ETHER && (*wanted == IP || *wanted == IP6) {
            below = &NETDEV;
        }
        self.require_upper(below, wanted, span)
    }

    /// The protocol below, where a family's packets may have several.
    fn special(
        &mut self,
        payload: &Payload,
        wanted: &'static Protocol,
        span: Span,
    ) -> Evaluated<&'static Protocol> {
        let family = self.protocols().family;
        let of_family = match family {
            Family::Inet => Some(&INET),
            Family::Bridge => Some(&ETHER),
            Family::Netdev => Some(&NETDEV),
            _ => None,
        };
        if payload.layer == Layer::Transport {
            let network = match wanted.name {
                "icmp" | "igmp" => &IP,
                "icmpv6" => &IP6,
                _ => return Ok(&ANY_TRANSPORT),
            };
            let below = self.protocols().at(Layer::Link).or(of_family);
            if let Some(mut below) = below {
                // Some tunnels carry no link layer header.
                if payload.inner.and_then(|inner| inner.tunnel).is_some_and(|t| t.flags & 2 == 0) {
                    below = &NETDEV;
                }
                self.require_upper(below, network, span)?;
                return Ok(network);
            }
        }
        match of_family.filter(|_| payload.layer == Layer::Link) {
            Some(protocol) => Ok(protocol),
            None => {
                let message = format!("it is not known what carries {} here", wanted.name);
                let mut diagnostic = error(Code::NFT_PROTOCOL, span, message);
                diagnostic.help = Some("match the protocol below before".to_owned());
                Err(diagnostic)
            }
        }
    }

    /// A match on what says that a protocol follows another one.
    pub(super) fn require_upper(
        &mut self,
        below: &'static Protocol,
        wanted: &'static Protocol,
        span: Span,
    ) -> Evaluated<()> {
        let number = below.number_of(wanted).ok_or_else(|| conflict(span, below, wanted))?;
        self.require_key(below, number, span)
    }

    fn require_key(&mut self, below: &'static Protocol, number: u32, span: Span) -> Evaluated<()> {
        match below.key {
            Key::Meta(key) => self.require_meta(key, number, span),
            Key::Field(name) => {
                let field = below.field(name).expect("a protocol has its key");
                let mut payload = Payload::of(below, field, None);
                self.require(&mut payload, span)?;
                payload.inner = self.inner;
                let left = Typed {
                    kind: Kind::Load(Load::Payload(payload)),
                    datatype: field.datatype,
                    order: Order::Network,
                    bits: field.bits,
                    span,
                };
                self.match_new_value(left, number, span)
            }
            Key::None => {
                let message = format!("nothing says what follows {}", below.name);
                Err(error(Code::NFT_PROTOCOL, span, message))
            }
        }
    }

    fn require_meta(&mut self, key: &'static MetaKey, number: u32, span: Span) -> Evaluated<()> {
        let left = Typed {
            kind: Kind::Load(Load::Meta { key, inner: self.inner }),
            datatype: key.datatype,
            order: key.order,
            bits: key.bits,
            span,
        };
        self.match_value(left, number.into(), span);
        Ok(())
    }

    /// A match on a field that the rule has not matched already: it could not have two values.
    fn match_new_value(&mut self, left: Typed, number: u32, span: Span) -> Evaluated<()> {
        let is_same = |step: &&Step| match &step.kind {
            StepKind::Match { left: other, right, .. } => {
                matches!(right.kind, Kind::Value(_)) && same_field(&left, other)
            }
            _ => false,
        };
        if let Some(step) = self.steps.iter().find(is_same) {
            let message = "this implies another value of what the rule matches before";
            let mut diagnostic = error(Code::NFT_PROTOCOL, span, message);
            diagnostic.notes.push(format!("it needs the value {number:#x} there"));
            diagnostic.span = Some(span.to(step.span));
            return Err(diagnostic);
        }
        self.match_value(left, number.into(), span);
        Ok(())
    }

    fn match_value(&mut self, left: Typed, value: u128, span: Span) {
        let right = Typed::value(value, left.datatype, left.order, left.bits, span);
        self.protocols().learn(&left, &right);
        self.step(StepKind::Match { left, op: RelationOp::Eq, right }, span);
    }

    /// A match on the type of an ICMP message that has a field.
    fn require_icmp_type(&mut self, payload: &Payload, span: Span) -> Evaluated<()> {
        let (Some(protocol), Some(field)) = (payload.protocol, payload.field) else {
            return Ok(());
        };
        let Some(only_in) = field.only_in else { return Ok(()) };
        let known = self.protocols().icmp_type;
        let types: Vec<u8> = match only_in {
            IcmpType::One(kind) => vec![kind],
            IcmpType::Echo { request, reply } => vec![request, reply],
            IcmpType::Discovery => vec![130, 131, 132, 135, 136, 137],
        };
        let represents = if only_in == IcmpType::Discovery { 135 } else { types[0] };
        if known != 0 {
            if types.contains(&known) {
                return Ok(());
            }
            let message = format!(
                "messages of {} with the type {known} have no {}",
                protocol.name, field.name
            );
            return Err(error(Code::NFT_PROTOCOL, span, message));
        }
        let kind = protocol.field("type").expect("ICMP has types");
        let mut left = Payload::of(protocol, kind, None);
        left.inner = self.inner;
        let left = Typed {
            kind: Kind::Load(Load::Payload(left)),
            datatype: kind.datatype,
            order: Order::Network,
            bits: kind.bits,
            span,
        };
        match types.as_slice() {
            [one] => self.match_new_value(left, u32::from(*one), span)?,
            many => {
                let values = many.iter().map(|kind| u128::from(*kind)).collect();
                self.match_values(left, values, span)?;
            }
        }
        self.protocols().icmp_type = represents;
        Ok(())
    }

    /// A match on the IP protocol of a connection's addresses.
    pub(super) fn require_connection(
        &mut self,
        wanted: &'static Protocol,
        direction: Option<crate::model::Direction>,
        span: Span,
    ) -> Evaluated<()> {
        match self.protocols().at(Layer::Network) {
            Some(known) if known == wanted => return Ok(()),
            Some(known) => return Err(conflict(span, known, wanted)),
            None => {}
        }
        if matches!(self.protocols().family, Family::Ip | Family::Ip6) {
            return Ok(());
        }
        let key = &CT_L3PROTOCOL;
        let left = Typed {
            kind: Kind::Load(Load::Ct { key, direction }),
            datatype: key.datatype.unwrap_or(&INTEGER),
            order: key.order,
            bits: key.bits,
            span,
        };
        let number = if *wanted == IP { 2 } else { 10 };
        self.match_value(left, number, span);
        Ok(())
    }

    /// Extension headers and options of IP need their protocol; that match comes first of all.
    pub(super) fn require_network(
        &mut self,
        wanted: &'static Protocol,
        span: Span,
    ) -> Evaluated<()> {
        match self.protocols().at(Layer::Network) {
            Some(known) if known == wanted => return Ok(()),
            Some(known) => return Err(conflict(span, known, wanted)),
            None => {}
        }
        let Some(below) = self.protocols().at(Layer::Link) else {
            let message = format!("it is not known what carries {} here", wanted.name);
            return Err(error(Code::NFT_PROTOCOL, span, message));
        };
        self.first(|context| context.require_upper(below, wanted, span))
    }

    /// Puts what `require` adds before all other steps.
    pub(super) fn first(
        &mut self,
        require: impl FnOnce(&mut Self) -> Evaluated<()>,
    ) -> Evaluated<()> {
        let before = self.steps.len();
        require(self)?;
        let added: Vec<Step> = self.steps.drain(before..).collect();
        for step in added.into_iter().rev() {
            self.steps.insert(0, step);
        }
        Ok(())
    }

    /// What a tunnel that is looked into implies, and that it is looked into.
    pub(super) fn enter(
        &mut self,
        tunnel: &'static Protocol,
        layer: Layer,
        span: Span,
    ) -> Evaluated<()> {
        let below = self.protocols().at(Layer::Transport);
        if tunnel.layer == Layer::Inner {
            let Some(below) = below else {
                let message = format!("it is not known what carries {} here", tunnel.name);
                let mut diagnostic = error(Code::NFT_PROTOCOL, span, message);
                let help = format!("match the port before: udp dport 4789 {} ...", tunnel.name);
                diagnostic.help = Some(help);
                return Err(diagnostic);
            };
            if below.number_of(tunnel).is_none() {
                return Err(conflict(span, below, tunnel));
            }
            self.protocols().set(Layer::Inner, tunnel);
        } else if below.is_none() {
            let network = self.protocols().at(Layer::Network).unwrap_or(&IP);
            self.require_upper(network, tunnel, span)?;
            self.protocols().set(Layer::Transport, tunnel);
        }
        if layer != Layer::Inner {
            self.inner = Some(tunnel);
        }
        Ok(())
    }
}

impl Payload {
    pub fn of(
        protocol: &'static Protocol,
        field: &'static Field,
        inner: Option<&'static Protocol>,
    ) -> Payload {
        Payload {
            protocol: Some(protocol),
            field: Some(field),
            layer: protocol.layer,
            offset: field.offset,
            inner,
            is_raw: *protocol == TH,
            is_key: protocol.is_key(field),
        }
    }
}

/// Whether two loads are of the same bytes of the same header.
fn same_field(a: &Typed, b: &Typed) -> bool {
    match (&a.kind, &b.kind) {
        (Kind::Load(Load::Payload(one)), Kind::Load(Load::Payload(other))) => {
            let place = |p: &Payload| (p.protocol, p.inner, p.layer, p.offset);
            a.bits == b.bits && place(one) == place(other)
        }
        _ => false,
    }
}
