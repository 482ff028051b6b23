//! What a rule can look at.

use super::document::{Object, Value};
use super::{Parsed, Reader, error, one_of, words_of};
use crate::model::{Direction, FibFlags, FibResult};
use crate::nearest::nearest;
use crate::protocol::*;
use crate::selector::{Key, ct_key, meta, rt_key, socket_key, xfrm_key};
use crate::syntax::ast::Selector;
use bpfc_diag::{Code, Diagnostic};

/// The names of selectors, for suggestions.
pub(super) const NAMES: &[&str] = &[
    "payload",
    "exthdr",
    "tcp option",
    "ip option",
    "sctp chunk",
    "dccp option",
    "meta",
    "ct",
    "rt",
    "ipsec",
    "socket",
    "fib",
    "osf",
    "numgen",
    "jhash",
    "symhash",
];

/// The keys of `ct` that a direction of a connection has.
const DIRECTED: &[&str] = &[
    "saddr",
    "daddr",
    "l3proto",
    "protocol",
    "proto-src",
    "proto-dst",
    "bytes",
    "packets",
    "avgpkt",
    "zone",
    "ip saddr",
    "ip daddr",
    "ip6 saddr",
    "ip6 daddr",
];

impl Reader<'_> {
    /// A selector; `None` where a name is none's.
    pub(super) fn selector(&mut self, name: &str, value: Value<'_>) -> Parsed<Option<Selector>> {
        Ok(Some(match name {
            "payload" => self.payload(value)?,
            "exthdr" => self.extension_header(value)?,
            "tcp option" => self.tcp_option(value)?,
            "ip option" => {
                let of = |name: &str| ip_option(name);
                self.named(value, ExtensionKind::Ipv4, "the option of IPv4", of)?
            }
            "sctp chunk" => {
                let of = |name: &str| sctp_chunk(name);
                self.named(value, ExtensionKind::Sctp, "the chunk of SCTP", of)?
            }
            "dccp option" => {
                let object = self.object(value, "the option of DCCP", &["type"])?;
                let number = object.need("type")?.number(255, "a number")? as u8;
                let kind = ExtensionKind::Dccp;
                Selector::Extension { kind, number, field: dccp_option(), is_presence: true }
            }
            "meta" => {
                let object = self.object(value, "the selector meta", &["key"])?;
                let key = object.need("key")?;
                let name = key.string("a key of meta")?;
                let found = meta::by_name(&name);
                Selector::Meta(found.ok_or_else(|| misnamed(key, "a key of meta", meta::names()))?)
            }
            "ct" => self.ct(value)?,
            "rt" => {
                let object = self.object(value, "the selector rt", &["key", "family"])?;
                Selector::Rt(key_of(&object, "a key of rt", rt_key)?)
            }
            "ipsec" => {
                let known = ["key", "family", "dir", "spnum"];
                let object = self.object(value, "the selector ipsec", &known)?;
                let is_out = one_of(object.need("dir")?, &["in", "out"], "`in` or `out`")? == "out";
                let index = optional(&object, "spnum", 255)?;
                Selector::Xfrm { key: key_of(&object, "a key of ipsec", xfrm_key)?, is_out, index }
            }
            "socket" => {
                let object = self.object(value, "the selector socket", &["key"])?;
                let key = key_of(&object, "a key of socket", socket_key)?;
                if key.name == "cgroupv2" {
                    let message = "JSON does not say the level of the control group";
                    let help = "give what nft prints without -j";
                    let wrong = Diagnostic::error(Code::NFT_STATEMENT, Some(value.span()), message);
                    return Err(wrong.with_help(help));
                }
                Selector::Socket { key, level: 0 }
            }
            "fib" => self.fib(value)?,
            "osf" => {
                let object = self.object(value, "the selector osf", &["key", "ttl"])?;
                let words = ["name", "version"];
                let key = one_of(object.need("key")?, &words, "`name` or `version`")?;
                let ttl = match object.get("ttl") {
                    None => 0,
                    Some(ttl) => match one_of(ttl, &["loose", "skip"], "`loose` or `skip`")? {
                        "loose" => 1,
                        _ => 2,
                    },
                };
                Selector::Osf { ttl, with_version: key == "version" }
            }
            "numgen" => {
                let object =
                    self.object(value, "the selector numgen", &["mode", "mod", "offset"])?;
                let words = ["inc", "random"];
                let mode = one_of(object.need("mode")?, &words, "`inc` or `random`")?;
                let (modulus, offset) = modulus(&object)?;
                Selector::Numgen { is_random: mode == "random", modulus, offset }
            }
            "jhash" => {
                let known = ["mod", "offset", "expr", "seed"];
                let object = self.object(value, "the selector jhash", &known)?;
                let (modulus, offset) = modulus(&object)?;
                let seed = object.get("seed").map(|seed| seed.number(u32::MAX.into(), "a number"));
                let seed = seed.transpose()?.map(|seed| seed as u32);
                let of = Box::new(self.expression(object.need("expr")?)?);
                Selector::Jhash { of, modulus, seed, offset }
            }
            "symhash" => {
                let object = self.object(value, "the selector symhash", &["mod", "offset"])?;
                let (modulus, offset) = modulus(&object)?;
                Selector::Symhash { modulus, offset }
            }
            "tunnel" => {
                self.outside = Some("tunnel");
                return Err(crate::outside::outside("tunnel", value.span()));
            }
            _ => return Ok(None),
        }))
    }

    fn payload(&mut self, value: Value<'_>) -> Parsed<Selector> {
        let known = ["base", "offset", "len", "protocol", "field", "tunnel"];
        let object = self.object(value, "the selector payload", &known)?;
        if let Some(base) = object.get("base") {
            let base = one_of(base, &["ll", "nh", "th", "ih"], "a header: ll, nh, th or ih")?;
            let offset = object.need("offset")?.number(u32::MAX.into(), "an offset")? as u32;
            return Ok(Selector::Raw { base, offset, bits: raw_bits(&object)? });
        }
        let protocol = protocol(object.need("protocol")?)?;
        let name = object.need("field")?;
        let wanted = format!("a field of {}", protocol.name);
        let field = protocol.field(&name.string(&wanted)?).ok_or_else(|| {
            misnamed(name, &wanted, protocol.fields.iter().map(|field| field.name))
        })?;
        let Some(carrier) = object.get("tunnel") else {
            let inner = (protocol.layer == Layer::Inner).then_some(protocol);
            return Ok(Selector::Payload { protocol, field, inner });
        };
        let tunnel = self::protocol(carrier)?;
        if tunnel.tunnel.is_none() {
            return Err(carrier.unexpected("a tunnel: vxlan, geneve, gre or gretap"));
        }
        let is_link = matches!(protocol.name, "ether" | "vlan" | "arp");
        if protocol.tunnel.is_some() && protocol != tunnel || is_link && tunnel.name == "gre" {
            let message = format!("{} is not looked for in {}", protocol.name, tunnel.name);
            return Err(error(value.span(), message));
        }
        Ok(Selector::Payload { protocol, field, inner: Some(tunnel) })
    }

    fn extension_header(&mut self, value: Value<'_>) -> Parsed<Selector> {
        let object = self.object(value, "the extension header", &["name", "field", "offset"])?;
        let name = object.need("name")?;
        let wanted = "the name of an extension header";
        let names = ["hbh", "rt", "rt0", "rt2", "srh", "frag", "dst", "mh"];
        let header = extension(one_of(name, &names, wanted)?);
        let header = header.ok_or_else(|| name.unexpected(wanted))?;
        let (kind, number) = (ExtensionKind::Ipv6, header.kind);
        let Some(of) = object.get("field") else {
            // The presence of any header of its number.
            let field = extension(if number == 43 { "rt" } else { header.name });
            let field = field.and_then(|header| header.fields.first());
            let field = *field.ok_or_else(|| name.unexpected(wanted))?;
            return Ok(Selector::Extension { kind, number, field, is_presence: true });
        };
        let wanted = format!("a field of {}", header.name);
        let text = of.string(&wanted)?;
        let field = match numbered(header.name, &text) {
            Some(index) => {
                let index = index.saturating_add(optional(&object, "offset", 15)?);
                if index > 11 {
                    return Err(error(of.span(), "there are 12 addresses at most"));
                }
                if header.name == "rt0" { routing_address(index) } else { segment(index) }
            }
            None => *header.field(&text).ok_or_else(|| {
                misnamed(of, &wanted, header.fields.iter().map(|field| field.name))
            })?,
        };
        Ok(Selector::Extension { kind, number, field, is_presence: false })
    }

    /// An option or chunk by name: its field, or whether it is there.
    fn named(
        &mut self,
        value: Value<'_>,
        kind: ExtensionKind,
        what: &'static str,
        find: impl Fn(&str) -> Option<&'static Extension>,
    ) -> Parsed<Selector> {
        let object = self.object(value, what, &["name", "field"])?;
        let name = object.need("name")?;
        let of = find(&name.string("a name")?);
        let of = of.ok_or_else(|| name.unexpected(&format!("the name of {what}")))?;
        let (field, is_presence) = match object.get("field") {
            None => (&of.fields[0], true),
            Some(field) => {
                let found = of.field(&field.string("a field")?).ok_or_else(|| {
                    let wanted = format!("a field of {}", of.name);
                    misnamed(field, &wanted, of.fields.iter().map(|field| field.name))
                })?;
                (found, false)
            }
        };
        Ok(Selector::Extension { kind, number: of.kind, field: *field, is_presence })
    }

    fn tcp_option(&mut self, value: Value<'_>) -> Parsed<Selector> {
        let kind = ExtensionKind::Tcp;
        let what = "the option of TCP";
        let object = value.object(what)?;
        let Some(base) = object.get("base") else {
            return self.named(value, kind, what, tcp_option);
        };
        let object = self.object(value, what, &["base", "offset", "len"])?;
        let number = base.number(255, "a number")? as u8;
        let offset = object.need("offset")?.number(2048, "an offset")? as u32;
        let bits = raw_bits(&object)?;
        let is_presence = (offset, bits) == (0, 8);
        let field = match is_presence {
            true => tcp_option_raw()[0],
            false => Field { offset, bits, ..tcp_option_raw()[0] },
        };
        Ok(Selector::Extension { kind, number, field, is_presence })
    }

    /// The kind of an option of TCP; of one without a name nft lists no bits.
    pub(super) fn tcp_option_number(&mut self, value: Value<'_>) -> Parsed<u8> {
        let known = ["base", "offset", "len", "name"];
        let object = self.object(value, "the option of TCP", &known)?;
        if let Some(base) = object.get("base") {
            return Ok(base.number(255, "a number")? as u8);
        }
        match self.tcp_option(value)? {
            Selector::Extension { number, .. } => Ok(number),
            _ => Err(value.unexpected("an option of TCP")),
        }
    }

    fn ct(&mut self, value: Value<'_>) -> Parsed<Selector> {
        let object = self.object(value, "the selector ct", &["key", "dir", "family"])?;
        let key = key_of(&object, "a key of ct", ct_key)?;
        let Some(direction) = object.get("dir") else {
            return Ok(Selector::Ct { key, direction: None });
        };
        let words = ["original", "reply"];
        let direction = match one_of(direction, &words, "`original` or `reply`")? {
            "original" => Direction::Original,
            _ => Direction::Reply,
        };
        match DIRECTED.contains(&key.name) {
            true => Ok(Selector::Ct { key, direction: Some(direction) }),
            false => {
                let message = format!("`ct {}` is the same in both directions", key.name);
                Err(error(value.span(), message))
            }
        }
    }

    fn fib(&mut self, value: Value<'_>) -> Parsed<Selector> {
        let object = self.object(value, "the selector fib", &["result", "flags"])?;
        let mut flags = FibFlags::default();
        let words = ["saddr", "daddr", "mark", "iif", "oif"];
        let found = object.need("flags")?;
        for word in words_of(found, &words, "what to look up in the routing tables")? {
            match word {
                "saddr" => flags.saddr = true,
                "daddr" => flags.daddr = true,
                "mark" => flags.mark = true,
                "iif" => flags.iif = true,
                _ => flags.oif = true,
            }
        }
        if flags.saddr == flags.daddr {
            return Err(error(found.span(), "fib needs one of saddr and daddr"));
        }
        if flags.iif && flags.oif {
            return Err(error(found.span(), "fib takes one of iif and oif"));
        }
        let words = ["oif", "oifname", "type", "check"];
        let wanted = "the result of fib: oif, oifname, type or check";
        let word = one_of(object.need("result")?, &words, wanted)?;
        let result = match word {
            "oifname" => FibResult::OifName,
            "type" => FibResult::Type,
            _ => FibResult::Oif,
        };
        Ok(Selector::Fib { flags, result, is_check: word == "check" })
    }
}

/// A key by name; `family` says which addresses are meant where there are two kinds.
fn key_of(
    object: &Object<'_>,
    wanted: &str,
    find: impl Fn(&str) -> Option<&'static Key>,
) -> Parsed<&'static Key> {
    let value = object.need("key")?;
    let name = value.string(wanted)?;
    let family = match object.get("family") {
        Some(family) => Some(one_of(family, &["ip", "ip6"], "`ip` or `ip6`")?),
        None => None,
    };
    let of_family = family.and_then(|family| find(&format!("{family} {name}")));
    of_family.or_else(|| find(&name)).ok_or_else(|| value.unexpected(wanted))
}

fn misnamed<'a>(
    value: Value<'_>,
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    let mut wrong = value.unexpected(wanted);
    let near = value.string(wanted).ok().and_then(|name| nearest(&name, known));
    wrong.help = near.map(|near| format!("did you mean `{near}`?"));
    wrong
}

fn protocol(value: Value<'_>) -> Parsed<&'static Protocol> {
    let wanted = "the name of a protocol";
    Protocol::by_name(&value.string(wanted)?).ok_or_else(|| value.unexpected(wanted))
}

/// The width of a raw load in bits.
fn raw_bits(object: &Object<'_>) -> Parsed<u32> {
    let value = object.need("len")?;
    match value.number(512, "a number of bits")? {
        0 => Err(error(value.span(), "0 bits cannot be loaded")),
        bits => Ok(bits as u32),
    }
}

fn optional(object: &Object<'_>, name: &str, most: u32) -> Parsed<u32> {
    object.get(name).map_or(Ok(0), |value| Ok(value.number(most.into(), "a number")? as u32))
}

fn modulus(object: &Object<'_>) -> Parsed<(u32, u32)> {
    let value = object.need("mod")?;
    match value.number(u32::MAX.into(), "a number")? {
        0 => Err(error(value.span(), "a modulus is 1 at least")),
        modulus => Ok((modulus as u32, optional(object, "offset", u32::MAX)?)),
    }
}

/// The index of `addr[N]` of rt0 and `sid[N]` of srh, whose numbers begin with 1.
fn numbered(header: &str, field: &str) -> Option<u32> {
    let list = match header {
        "rt0" => "addr",
        "srh" => "sid",
        _ => return None,
    };
    match field.strip_prefix(list)? {
        "" => Some(0),
        number => {
            let number = number.strip_prefix('[')?.strip_suffix(']')?;
            number.parse::<u32>().ok()?.checked_sub(1)
        }
    }
}
