//! Which protocols a rule has established, layer by layer.

use super::typed::{Kind, Load, Typed};
use crate::model::Family;
use crate::protocol::*;

/// What is known of the headers of the packets that a rule still matches.
#[derive(Clone, Debug)]
pub(super) struct Protocols {
    pub family: Family,
    layers: [Option<&'static Protocol>; 4],
    /// All transport protocols that were allowed, by a set for example.
    transports: Vec<&'static Protocol>,
    /// The link layer headers before the current one.
    pub stacked: Vec<&'static Protocol>,
    /// The type of ICMP message; an echo's reply counts as its request.
    pub icmp_type: u8,
}

impl Protocols {
    pub fn new(family: Family) -> Protocols {
        let mut protocols = Protocols {
            family,
            layers: [None; 4],
            transports: Vec::new(),
            stacked: Vec::new(),
            icmp_type: 0,
        };
        let (layer, protocol) = start_of(family);
        protocols.layers[layer as usize] = Some(protocol);
        protocols
    }

    pub fn at(&self, layer: Layer) -> Option<&'static Protocol> {
        self.layers[layer as usize]
    }

    pub fn set(&mut self, layer: Layer, protocol: &'static Protocol) {
        if layer == Layer::Transport && !self.transports.contains(&protocol) {
            self.transports.push(protocol);
        }
        self.layers[layer as usize] = Some(protocol);
    }

    /// The protocol that contradicts one, where several are possible.
    pub fn ambiguous(&self, layer: Layer, protocol: &Protocol) -> Option<&'static Protocol> {
        if layer != Layer::Transport || self.transports.len() < 2 {
            return None;
        }
        self.transports.iter().copied().find(|other| *other != protocol)
    }

    /// Takes account of a comparison that says which protocol follows.
    pub fn learn(&mut self, left: &Typed, right: &Typed) {
        let Kind::Load(load) = &left.kind else { return };
        match &right.kind {
            Kind::Value(value) => self.learn_value(load, *value),
            Kind::Set(items) => {
                for key in items.iter().filter_map(|item| item.key.as_ref()) {
                    if let Kind::Value(value) = key.kind {
                        self.learn_value(load, value);
                    }
                }
            }
            Kind::SetRef { .. } if matches!(load, Load::Meta { .. }) => self.learn_value(load, 0),
            _ => {}
        }
    }

    fn learn_value(&mut self, load: &Load, value: u128) {
        let number = u32::try_from(value).unwrap_or(u32::MAX);
        match load {
            Load::Payload(payload) if payload.is_key => {
                let Some(base) = self.at(payload.layer) else { return };
                match base.upper(number) {
                    Some(upper) => {
                        let is_stacked = upper.layer == base.layer && base.layer == Layer::Link;
                        if is_stacked && !payload.is_raw && self.stacked.len() < 16 {
                            self.stacked.push(base);
                        }
                        self.set(upper.layer, upper);
                    }
                    None => match (base.name, number as u8) {
                        ("icmp", 0) => self.icmp_type = 8,
                        ("icmpv6", 129) => self.icmp_type = 128,
                        ("icmp" | "icmpv6", kind) => self.icmp_type = kind,
                        _ => {}
                    },
                }
            }
            Load::Meta { key, .. } => self.learn_meta(key.name, number),
            Load::Ct { key, .. } => {
                let layer = match key.name {
                    "protocol" => Layer::Network,
                    "l3proto" => Layer::Link,
                    _ => return,
                };
                if let Some(upper) = self.at(layer).and_then(|base| base.upper(number)) {
                    let above =
                        if layer == Layer::Link { Layer::Network } else { Layer::Transport };
                    self.set(above, upper);
                }
            }
            _ => {}
        }
    }

    fn learn_meta(&mut self, key: &str, number: u32) {
        let (start, base) = start_of(self.family);
        match key {
            "iiftype" if self.family != Family::Bridge => {
                let protocol = if number == 1 { &ETHER } else { &UNKNOWN };
                self.set(Layer::Link, protocol);
            }
            "nfproto" => {
                let upper = (start == Layer::Link).then(|| base.upper(number)).flatten();
                self.set(Layer::Network, upper.unwrap_or(&UNKNOWN));
            }
            "l4proto" => {
                self.set(Layer::Transport, ANY_TRANSPORT.upper(number).unwrap_or(&UNKNOWN));
            }
            "protocol" if matches!(self.family, Family::Netdev | Family::Bridge) => {
                self.set(Layer::Network, base.upper(number).unwrap_or(&UNKNOWN));
            }
            _ => {}
        }
    }
}

/// What is known of a family's packets at first, and in which layer.
pub(super) fn start_of(family: Family) -> (Layer, &'static Protocol) {
    match family {
        Family::Bridge => (Layer::Link, &ETHER),
        Family::Netdev => (Layer::Link, &NETDEV),
        Family::Inet => (Layer::Link, &INET),
        Family::Ip => (Layer::Network, &IP),
        Family::Ip6 => (Layer::Network, &IP6),
        Family::Arp => (Layer::Network, &ARP),
    }
}
