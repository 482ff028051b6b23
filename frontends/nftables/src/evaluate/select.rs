//! Selectors to loads. A load says what type of value stands beside it.

use super::context::{Context, Expect};
use super::typed::{Kind, Load, Payload, Typed};
use super::{Evaluated, error};
use crate::datatype::*;
use crate::model::{Direction, Family, FibResult};
use crate::protocol::*;
use crate::selector::{Key, MetaKey};
use crate::syntax::ast::Selector;
use bpfc_diag::{Code, Span};

impl Context<'_> {
    pub(super) fn select(&mut self, selector: &Selector, span: Span) -> Evaluated<Typed> {
        let load = |load, datatype, order, bits| {
            let kind = Kind::Load(load);
            Typed { kind, datatype, order, bits, span }
        };
        let mut most = 0;
        let typed = match selector {
            Selector::Payload { protocol, field, inner } => {
                return self.select_field(protocol, field, *inner, span);
            }
            Selector::Raw { base, offset, bits } => {
                return self.select_raw(base, *offset, *bits, span);
            }
            Selector::Extension { kind, number, field, is_presence } => {
                return self.select_extension(*kind, *number, *field, *is_presence, span);
            }
            Selector::Meta(key) => {
                most = if key.name == "day" { 6 } else { 0 };
                self.select_meta(key, span)?
            }
            Selector::Ct { key, direction } => self.select_ct(key, *direction, span)?,
            Selector::Rt(key) => self.select_rt(key, span)?,
            Selector::Socket { key, level } => {
                most = u128::from(matches!(key.name, "transparent" | "wildcard"));
                let datatype = key.datatype.unwrap_or(&INTEGER);
                load(Load::Socket { key, level: *level }, datatype, key.order, key.bits)
            }
            Selector::Xfrm { key, is_out, index } => {
                let family = self.protocols().family;
                if !matches!(family, Family::Ip | Family::Ip6 | Family::Inet) {
                    let message = format!("packets of family {} are not of IPsec", family.name());
                    return Err(error(Code::NFT_PROTOCOL, span, message));
                }
                let datatype = key.datatype.unwrap_or(&INTEGER);
                let (is_out, index) = (*is_out, *index);
                load(Load::Xfrm { key, is_out, index }, datatype, key.order, key.bits)
            }
            Selector::Fib { flags, result, is_check } => {
                let (datatype, bits): (&'static Datatype, u32) = match result {
                    _ if *is_check => (&BOOLEAN, 8),
                    FibResult::Oif => (&INTERFACE_INDEX, 32),
                    FibResult::OifName => (&INTERFACE_NAME, 128),
                    FibResult::Type => (&FIB_TYPE, 32),
                };
                let fib = Load::Fib { flags: *flags, result: *result, is_presence: *is_check };
                load(fib, datatype, Order::Host, bits)
            }
            Selector::Osf { ttl, with_version } => {
                let osf = Load::Osf { ttl: *ttl, with_version: *with_version };
                load(osf, &STRING, Order::Host, 128)
            }
            Selector::Numgen { is_random, modulus, offset } => {
                let number = self.number_for_context();
                most = u128::from(*modulus) + u128::from(*offset) - 1;
                let (is_random, modulus, offset) = (*is_random, *modulus, *offset);
                load(Load::Numgen { is_random, modulus, offset }, number, Order::Host, 32)
            }
            Selector::Jhash { of, modulus, seed, offset } => {
                let number = self.number_for_context();
                self.expect = Expect::default();
                let of = self.expression(of)?;
                if of.is_constant() {
                    return Err(error(Code::NFT_TYPE, of.span, "a constant is hashed"));
                }
                most = u128::from(*modulus) + u128::from(*offset) - 1;
                let (modulus, seed, offset) = (*modulus, *seed, *offset);
                let hash = Load::Jhash { of: Box::new(of), modulus, seed, offset };
                load(hash, number, Order::Host, 32)
            }
            Selector::Symhash { modulus, offset } => {
                let number = self.number_for_context();
                most = u128::from(*modulus) + u128::from(*offset) - 1;
                let (modulus, offset) = (*modulus, *offset);
                load(Load::Symhash { modulus, offset }, number, Order::Host, 32)
            }
        };
        self.expect_like(&typed);
        self.expect.most = most;
        self.expect.is_key = false;
        Ok(typed)
    }

    /// What stands beside an expression is of its type.
    fn expect_like(&mut self, typed: &Typed) {
        let is_key = self.expect.is_key;
        self.expect = Expect::one(typed.datatype, typed.order, typed.bits);
        self.expect.is_key = is_key;
    }

    /// A generated number becomes what is wanted, where that is a number of 32 bits.
    fn number_for_context(&self) -> &'static Datatype {
        let part = self.expect.part();
        match part.datatype.is_number() && part.bits == 32 && part.datatype.base == Base::Integer {
            true => part.datatype,
            false => &INTEGER,
        }
    }

    fn select_field(
        &mut self,
        protocol: &'static Protocol,
        field: &'static Field,
        inner: Option<&'static Protocol>,
        span: Span,
    ) -> Evaluated<Typed> {
        let mut payload = Payload::of(protocol, field, inner);
        if let Some(tunnel) = inner {
            self.enter(tunnel, payload.layer, span)?;
        }
        self.require(&mut payload, span)?;
        let offset = payload.offset;
        let typed = Typed {
            kind: Kind::Load(Load::Payload(payload)),
            datatype: field.datatype,
            order: Order::Network,
            bits: field.bits,
            span,
        };
        self.expect_like(&typed);
        Ok(self.whole_bytes(typed, offset))
    }

    fn select_raw(&mut self, base: &str, offset: u32, bits: u32, span: Span) -> Evaluated<Typed> {
        let layer = match base {
            "ll" => Layer::Link,
            "nh" => Layer::Network,
            "th" => Layer::Transport,
            _ => Layer::Inner,
        };
        // What lies where ports do is read as one.
        let port = match (layer, offset, bits) {
            (Layer::Transport, 0 | 16, 16) => TH.fields.iter().find(|field| field.offset == offset),
            _ => None,
        };
        if bits > 128 {
            let message = "a load of more than 128 bits cannot be compared";
            return Err(error(Code::NFT_VALUE, span, message));
        }
        let payload = Payload {
            protocol: port.map(|_| &TH),
            field: port,
            layer,
            offset,
            inner: None,
            is_raw: true,
            is_key: false,
        };
        let typed = Typed {
            kind: Kind::Load(Load::Payload(payload)),
            datatype: port.map_or(&INTEGER, |field| field.datatype),
            order: Order::Network,
            bits,
            span,
        };
        self.expect_like(&typed);
        Ok(self.whole_bytes(typed, offset))
    }

    fn select_extension(
        &mut self,
        kind: ExtensionKind,
        number: u8,
        field: Field,
        is_presence: bool,
        span: Span,
    ) -> Evaluated<Typed> {
        match kind {
            ExtensionKind::Ipv6 => self.require_network(&IP6, span)?,
            ExtensionKind::Ipv4 => self.require_network(&IP, span)?,
            ExtensionKind::Tcp | ExtensionKind::Sctp | ExtensionKind::Dccp => {}
        }
        self.load_extension(kind, number, field, is_presence, span)
    }

    /// The load alone, without what it implies.
    pub(super) fn load_extension(
        &mut self,
        kind: ExtensionKind,
        number: u8,
        field: Field,
        is_presence: bool,
        span: Span,
    ) -> Evaluated<Typed> {
        let most = match kind {
            ExtensionKind::Tcp | ExtensionKind::Ipv4 => 40 * 8,
            _ => u32::MAX,
        };
        if field.offset.saturating_add(field.bits) > most {
            let message = format!("the field ends behind bit {most}, where options end");
            return Err(error(Code::NFT_VALUE, span, message));
        }
        let load = Load::Extension { kind, number, offset: field.offset, is_presence };
        let typed = Typed {
            kind: Kind::Load(load),
            datatype: if is_presence { &BOOLEAN } else { field.datatype },
            order: Order::Network,
            bits: field.bits,
            span,
        };
        self.expect_like(&typed);
        Ok(self.whole_bytes(typed, field.offset))
    }

    fn select_meta(&mut self, key: &'static MetaKey, span: Span) -> Evaluated<Typed> {
        let family = self.protocols().family;
        if key.name == "nfproto" && family != Family::Inet {
            let message = format!("every packet of family {} has the same nfproto", family.name());
            return Err(error(Code::NFT_PROTOCOL, span, message));
        }
        if key.kernel.starts_with("bri_") || key.kernel == "ibrhwaddr" {
            let message = format!("`meta {}` is known of bridges' packets alone", key.name);
            return Err(error(Code::NFT_PROTOCOL, span, message));
        }
        let kind = Kind::Load(Load::Meta { key, inner: None });
        Ok(Typed { kind, datatype: key.datatype, order: key.order, bits: key.bits, span })
    }

    fn select_ct(
        &mut self,
        key: &'static Key,
        direction: Option<Direction>,
        span: Span,
    ) -> Evaluated<Typed> {
        let network = self.protocols().at(Layer::Network);
        let (mut datatype, mut bits) = (key.datatype.unwrap_or(&INTEGER), key.bits);
        match key.name {
            "saddr" | "daddr" => {
                let Some(wanted) = network.filter(|known| **known == IP || **known == IP6) else {
                    let message = format!("it is not known whether `ct {}` is of IPv4", key.name);
                    let mut diagnostic = error(Code::NFT_PROTOCOL, span, message);
                    let help = format!("say `ct original ip {}` or ip6", key.name);
                    diagnostic.help = Some(help);
                    return Err(diagnostic);
                };
                self.require_connection(wanted, direction, span)?;
                (datatype, bits) = match *wanted == IP {
                    true => (&IPV4_ADDRESS, 32),
                    false => (&IPV6_ADDRESS, 128),
                };
            }
            "ip saddr" | "ip daddr" if network == Some(&IP6) => {
                let message = "an IPv6 packet's connection has no IPv4 addresses";
                return Err(error(Code::NFT_PROTOCOL, span, message));
            }
            "ip6 saddr" | "ip6 daddr" if network == Some(&IP) => {
                let message = "an IPv4 packet's connection has no IPv6 addresses";
                return Err(error(Code::NFT_PROTOCOL, span, message));
            }
            _ => {}
        }
        let kind = Kind::Load(Load::Ct { key, direction });
        Ok(Typed { kind, datatype, order: key.order, bits, span })
    }

    fn select_rt(&mut self, key: &'static Key, span: Span) -> Evaluated<Typed> {
        let mut key = key;
        let family = self.protocols().family;
        if key.datatype.is_none() {
            let name = match self.protocols().at(Layer::Network) {
                Some(known) if *known == IP => "ip nexthop",
                Some(known) if *known == IP6 => "ip6 nexthop",
                _ => {
                    let message = "it is not known whether the next hop is of IPv4";
                    let mut diagnostic = error(Code::NFT_PROTOCOL, span, message);
                    diagnostic.help = Some("say `rt ip nexthop` or `rt ip6 nexthop`".to_owned());
                    return Err(diagnostic);
                }
            };
            key = crate::selector::rt_key(name).expect("is in the table");
        }
        let other =
            matches!((key.name, family), ("ip nexthop", Family::Ip6) | ("ip6 nexthop", Family::Ip));
        if other {
            let message = format!("packets of family {} have no such next hop", family.name());
            return Err(error(Code::NFT_PROTOCOL, span, message));
        }
        let datatype = key.datatype.unwrap_or(&INTEGER);
        let kind = Kind::Load(Load::Rt(key));
        Ok(Typed { kind, datatype, order: key.order, bits: key.bits, span })
    }
}
