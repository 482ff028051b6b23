//! What a rule can look at.

use super::super::ast::*;
use super::super::lexer::TokenKind;
use super::expression::Side;
use super::{Parsed, Parser};
use crate::model::{Direction, FibFlags, FibResult};
use crate::protocol::*;
use crate::selector::{MetaKey, ct_key, meta, rt_key, socket_key, xfrm_key};

impl Parser<'_> {
    /// A selector, where one stands here.
    pub(super) fn selector(&mut self, side: Side) -> Parsed<Option<Selector>> {
        if self.is_sign("@") {
            let is_raw = ["ll", "nh", "th", "ih"].contains(&self.word_ahead(1));
            return match is_raw && self.is_sign_ahead(2, ",") {
                true => self.raw().map(Some),
                false => Ok(None),
            };
        }
        let word = self.word().to_owned();
        let next = self.word_ahead(1).to_owned();
        Ok(Some(match word.as_str() {
            "meta" => {
                self.advance();
                let key = self.meta_key()?;
                Selector::Meta(key)
            }
            "ct" => self.ct()?,
            "rt" if rt_key(&next).is_some() || ["ip", "ip6"].contains(&next.as_str()) => {
                self.rt()?
            }
            "ipsec" if next == "in" || next == "out" => self.xfrm()?,
            "socket" => self.socket()?,
            "fib" => self.fib()?,
            "osf" => self.osf()?,
            "numgen" => {
                self.advance();
                let is_random = self.one_of(&["inc", "random"], "`inc` or `random`")? == "random";
                let (modulus, offset) = self.modulus()?;
                Selector::Numgen { is_random, modulus, offset }
            }
            "jhash" => {
                self.advance();
                let of = Box::new(self.nested(|parser| parser.concat(Side::Left))?);
                self.expect_word("mod")?;
                let modulus = self.modulus_value()?;
                let seed = match self.take_word("seed") {
                    true => Some(self.number32()?),
                    false => None,
                };
                Selector::Jhash { of, modulus, seed, offset: self.offset()? }
            }
            "symhash" => {
                self.advance();
                let (modulus, offset) = self.modulus()?;
                Selector::Symhash { modulus, offset }
            }
            "exthdr" => {
                self.advance();
                let words = ["hbh", "rt", "frag", "dst", "mh"];
                let name = self.one_of(&words, "the name of an extension header")?;
                let header = extension(name).expect("is one of them");
                self.of_extension(ExtensionKind::Ipv6, header.kind, header.fields[0], true)
            }
            _ if extension(&word).is_some() && side == Side::Left => self.extension()?,
            _ => {
                if let Some(protocol) = Protocol::by_name(&word) {
                    let is_value = side == Side::Argument
                        && super::words::may_be_argument(&word)
                        && protocol.field(&next).is_none()
                        && next != "option";
                    return match is_value {
                        true => Ok(None),
                        false => self.header(protocol).map(Some),
                    };
                }
                match meta::by_name(&word).filter(|key| key.is_bare) {
                    Some(key) => {
                        self.advance();
                        Selector::Meta(key)
                    }
                    None => return Ok(None),
                }
            }
        }))
    }

    fn meta_key(&mut self) -> Parsed<&'static MetaKey> {
        match meta::by_name(self.word()) {
            Some(key) => {
                self.advance();
                Ok(key)
            }
            None => {
                let error = self.unexpected("a key of meta");
                let near = crate::nearest::nearest(&super::short(self.word()), meta::names());
                Err(match near {
                    Some(near) => error.with_help(format!("did you mean `meta {near}`?")),
                    None => error,
                })
            }
        }
    }

    fn raw(&mut self) -> Parsed<Selector> {
        self.expect_sign("@")?;
        let base = self.one_of(&["ll", "nh", "th", "ih"], "a header")?;
        self.expect_sign(",")?;
        let offset = self.number(u32::MAX.into())? as u32;
        self.expect_sign(",")?;
        Ok(Selector::Raw { base, offset, bits: self.raw_bits()? })
    }

    /// The width of a raw load in bits.
    fn raw_bits(&mut self) -> Parsed<u32> {
        let span = self.span();
        match self.number(512)? {
            0 => Err(self.error(span, "0 bits cannot be loaded")),
            bits => Ok(bits as u32),
        }
    }

    fn header(&mut self, protocol: &'static Protocol) -> Parsed<Selector> {
        self.advance();
        let next = self.word().to_owned();
        match (protocol.name, next.as_str()) {
            ("tcp", "option") => return self.tcp_option(),
            ("ip", "option") => return self.ip_option(),
            ("dccp", "option") => {
                self.advance();
                let number = self.number(255)? as u8;
                return Ok(self.of_extension(ExtensionKind::Dccp, number, dccp_option(), true));
            }
            ("sctp", "chunk") => return self.sctp_chunk(),
            _ => {}
        }
        if protocol.tunnel.is_some()
            && protocol.field(&next).is_none()
            && let Some(carried) = Protocol::by_name(&next)
        {
            let is_link = matches!(carried.name, "ether" | "vlan" | "arp");
            if carried.tunnel.is_none() && !(is_link && protocol.name == "gre") {
                self.advance();
                let field = self.field(carried)?;
                return Ok(Selector::Payload { protocol: carried, field, inner: Some(protocol) });
            }
        }
        let field = self.field(protocol)?;
        let inner = (protocol.layer == Layer::Inner).then_some(protocol);
        Ok(Selector::Payload { protocol, field, inner })
    }

    fn field(&mut self, protocol: &'static Protocol) -> Parsed<&'static Field> {
        let word = self.word().to_owned();
        // The addresses of ARP are two words.
        let name = match protocol.name {
            "arp" if word == "saddr" || word == "daddr" => format!("{word} {}", self.word_ahead(1)),
            _ => word.clone(),
        };
        match protocol.field(&name) {
            Some(field) => {
                self.advance();
                if name != word {
                    self.advance();
                }
                Ok(field)
            }
            None => {
                let error = self.unexpected(&format!("a field of {}", protocol.name));
                let names = protocol.fields.iter().map(|field| field.name);
                Err(match crate::nearest::nearest(&super::short(&word), names) {
                    Some(near) => {
                        error.with_help(format!("did you mean `{} {near}`?", protocol.name))
                    }
                    None => error,
                })
            }
        }
    }

    fn of_extension(
        &self,
        kind: ExtensionKind,
        number: u8,
        field: Field,
        is_presence: bool,
    ) -> Selector {
        Selector::Extension { kind, number, field, is_presence }
    }

    /// The field of an option whose name was read, or whether the option is there.
    fn named_field(
        &mut self,
        kind: ExtensionKind,
        of: &'static Extension,
        unnamed: &[&str],
    ) -> Selector {
        let field = of.field(self.word()).filter(|field| !unnamed.contains(&field.name));
        match field {
            Some(field) => {
                self.advance();
                self.of_extension(kind, of.kind, *field, false)
            }
            None => self.of_extension(kind, of.kind, of.fields[0], true),
        }
    }

    fn tcp_option(&mut self) -> Parsed<Selector> {
        self.advance();
        let kind = ExtensionKind::Tcp;
        if self.take_sign("@") {
            let number = self.tcp_option_number()?;
            self.expect_sign(",")?;
            let offset = self.number(2048)? as u32;
            self.expect_sign(",")?;
            let bits = self.raw_bits()?;
            let field = Field { offset, bits, ..tcp_option_raw()[0] };
            return Ok(self.of_extension(kind, number, field, false));
        }
        if matches!(self.token().kind, TokenKind::Number(_)) {
            let number = self.number(255)? as u8;
            let length = tcp_option_raw()[1];
            return Ok(match self.take_word("length") {
                true => self.of_extension(kind, number, length, false),
                false => self.of_extension(kind, number, tcp_option_raw()[0], true),
            });
        }
        let option = tcp_option(self.word()).ok_or_else(|| self.unexpected("an option of TCP"))?;
        self.advance();
        Ok(self.named_field(kind, option, &["kind"]))
    }

    /// The kind of an option of TCP, by name or number.
    pub(super) fn tcp_option_number(&mut self) -> Parsed<u8> {
        if matches!(self.token().kind, TokenKind::Number(_)) {
            return Ok(self.number(255)? as u8);
        }
        let option = tcp_option(self.word()).ok_or_else(|| self.unexpected("an option of TCP"))?;
        self.advance();
        Ok(option.kind)
    }

    fn ip_option(&mut self) -> Parsed<Selector> {
        self.advance();
        let option = ip_option(self.word()).ok_or_else(|| self.unexpected("an option of IPv4"))?;
        self.advance();
        Ok(self.named_field(ExtensionKind::Ipv4, option, &[]))
    }

    fn sctp_chunk(&mut self) -> Parsed<Selector> {
        self.advance();
        let chunk = sctp_chunk(self.word()).ok_or_else(|| self.unexpected("a chunk of SCTP"))?;
        self.advance();
        Ok(self.named_field(ExtensionKind::Sctp, chunk, &[]))
    }

    fn extension(&mut self) -> Parsed<Selector> {
        let header = extension(self.word()).expect("was looked at");
        self.advance();
        let kind = ExtensionKind::Ipv6;
        let word = self.word().to_owned();
        let is_list = matches!((header.name, word.as_str()), ("rt0", "addr") | ("srh", "sid"));
        if is_list {
            self.advance();
            self.expect_sign("[")?;
            let span = self.span();
            let Some(index) = (self.number(12)? as u32).checked_sub(1) else {
                return Err(self.error(span, "the first address has the number 1"));
            };
            self.expect_sign("]")?;
            let field = match header.name {
                "rt0" => routing_address(index),
                _ => segment(index),
            };
            return Ok(self.of_extension(kind, header.kind, field, false));
        }
        match header.field(&word) {
            Some(field) => {
                self.advance();
                Ok(self.of_extension(kind, header.kind, *field, false))
            }
            None => Err(self.unexpected(&format!("a field of {}", header.name))),
        }
    }

    fn ct(&mut self) -> Parsed<Selector> {
        self.advance();
        let direction = match self.word() {
            "original" => Some(Direction::Original),
            "reply" => Some(Direction::Reply),
            _ => None,
        };
        if direction.is_some() {
            self.advance();
        }
        let word = self.word().to_owned();
        let is_pair = direction.is_some() && ["ip", "ip6"].contains(&word.as_str());
        let name = if is_pair { format!("{word} {}", self.word_ahead(1)) } else { word };
        let directed = [
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
        match ct_key(&name) {
            Some(key) if direction.is_none() || directed.contains(&key.name) => {
                self.advance();
                if is_pair {
                    self.advance();
                }
                Ok(Selector::Ct { key, direction })
            }
            _ => Err(self.unexpected("a key of ct")),
        }
    }

    fn rt(&mut self) -> Parsed<Selector> {
        self.advance();
        let word = self.word().to_owned();
        let is_pair = ["ip", "ip6"].contains(&word.as_str());
        let name = if is_pair { format!("{word} {}", self.word_ahead(1)) } else { word };
        let key = rt_key(&name).ok_or_else(|| self.unexpected("a key of rt"))?;
        self.advance();
        if is_pair {
            self.advance();
        }
        Ok(Selector::Rt(key))
    }

    fn xfrm(&mut self) -> Parsed<Selector> {
        self.advance();
        let is_out = self.one_of(&["in", "out"], "`in` or `out`")? == "out";
        let index = if self.take_word("spnum") { self.number(255)? as u32 } else { 0 };
        let word = self.word().to_owned();
        let is_pair = ["ip", "ip6"].contains(&word.as_str());
        let name = if is_pair { format!("{word} {}", self.word_ahead(1)) } else { word };
        let key = xfrm_key(&name).ok_or_else(|| self.unexpected("a key of ipsec"))?;
        self.advance();
        if is_pair {
            self.advance();
        }
        Ok(Selector::Xfrm { key, is_out, index })
    }

    fn socket(&mut self) -> Parsed<Selector> {
        self.advance();
        let key = socket_key(self.word()).ok_or_else(|| self.unexpected("a key of socket"))?;
        self.advance();
        let level = match key.name == "cgroupv2" {
            true => {
                self.expect_word("level")?;
                self.number(255)? as u32
            }
            false => 0,
        };
        Ok(Selector::Socket { key, level })
    }

    fn fib(&mut self) -> Parsed<Selector> {
        self.advance();
        let start = self.span();
        let mut flags = FibFlags::default();
        loop {
            let words = ["saddr", "daddr", "mark", "iif", "oif"];
            match self.one_of(&words, "what to look up in the routing tables")? {
                "saddr" => flags.saddr = true,
                "daddr" => flags.daddr = true,
                "mark" => flags.mark = true,
                "iif" => flags.iif = true,
                _ => flags.oif = true,
            }
            if !self.take_sign(".") {
                break;
            }
        }
        let tuple = self.since(start);
        if flags.saddr == flags.daddr {
            return Err(self.error(tuple, "fib needs one of saddr and daddr"));
        }
        if flags.iif && flags.oif {
            return Err(self.error(tuple, "fib takes one of iif and oif"));
        }
        let words = ["oif", "oifname", "type", "check"];
        let word = self.one_of(&words, "the result of fib: oif, oifname, type or check")?;
        let result = match word {
            "oifname" => FibResult::OifName,
            "type" => FibResult::Type,
            _ => FibResult::Oif,
        };
        Ok(Selector::Fib { flags, result, is_check: word == "check" })
    }

    fn osf(&mut self) -> Parsed<Selector> {
        self.advance();
        let ttl = match self.take_word("ttl") {
            true => match self.one_of(&["loose", "skip"], "`loose` or `skip`")? {
                "loose" => 1,
                _ => 2,
            },
            false => 0,
        };
        let with_version = self.one_of(&["name", "version"], "`name` or `version`")? == "version";
        Ok(Selector::Osf { ttl, with_version })
    }

    fn modulus(&mut self) -> Parsed<(u32, u32)> {
        self.expect_word("mod")?;
        Ok((self.modulus_value()?, self.offset()?))
    }

    fn modulus_value(&mut self) -> Parsed<u32> {
        let span = self.span();
        match self.number32()? {
            0 => Err(self.error(span, "a modulus is 1 at least")),
            modulus => Ok(modulus),
        }
    }

    fn offset(&mut self) -> Parsed<u32> {
        if self.take_word("offset") { self.number32() } else { Ok(0) }
    }
}
