//! What is not filtering and has a block in a table: objects of connection tracking. They are left
//! to the kernel, and what nft refuses of them is refused nevertheless.

use super::super::lexer::TokenKind;
use super::{Parsed, Parser};
use crate::model::Family;
use bpfc_diag::Span;

/// The states of a connection that may have a timeout of their own.
const TCP_STATES: &[&str] = &[
    "syn_sent",
    "syn_recv",
    "established",
    "fin_wait",
    "close_wait",
    "last_ack",
    "time_wait",
    "close",
    "syn_sent2",
    "retrans",
    "unack",
];
const UDP_STATES: &[&str] = &["unreplied", "replied"];

#[derive(Default)]
struct Lines {
    protocol: Option<&'static str>,
    has_port: bool,
    has_timeout: bool,
    has_size: bool,
    states: Vec<(String, Span)>,
}

impl Parser<'_> {
    /// An object of connection tracking: its name and block.
    pub(super) fn ct_object(&mut self, class: &'static str, family: Family) -> Parsed<()> {
        let name = self.name("the name of an object")?;
        let mut lines = Lines::default();
        self.block(|parser| {
            parser.ct_line(class, family, &mut lines)?;
            if parser.is_sign("}") { Ok(()) } else { parser.separator_in_block() }
        })?;
        let lacks = |what: &str| {
            let message = format!("the {class} `{}` does not say its {what}", name.text);
            Err(self.error(name.span, message))
        };
        if class == "expectation" {
            match () {
                () if lines.protocol.is_none() => return lacks("protocol"),
                () if !lines.has_port => return lacks("dport"),
                () if !lines.has_timeout => return lacks("timeout"),
                () if !lines.has_size => return lacks("size"),
                () => {}
            }
        }
        let known = if lines.protocol == Some("udp") { UDP_STATES } else { TCP_STATES };
        for (state, span) in &lines.states {
            if !known.contains(&state.as_str()) {
                let message = format!("connections have no state `{}`", super::short(state));
                let error = self.error(*span, message);
                let near = crate::nearest::nearest(state, known.iter().copied());
                return Err(match near {
                    Some(near) => error.with_help(format!("did you mean `{near}`?")),
                    None => error,
                });
            }
        }
        Ok(())
    }

    fn ct_line(&mut self, class: &str, family: Family, lines: &mut Lines) -> Parsed<()> {
        match self.word() {
            "comment" => self.comment().map(|_| ()),
            "type" if class == "helper" => {
                self.advance();
                if !matches!(self.token().kind, TokenKind::Quoted(_)) {
                    return Err(self.unexpected("the name of a helper in quotes"));
                }
                self.advance();
                self.expect_word("protocol")?;
                lines.protocol = Some(self.one_of(&["tcp", "udp"], "`tcp` or `udp`")?);
                Ok(())
            }
            "protocol" => {
                self.advance();
                lines.protocol = Some(self.one_of(&["tcp", "udp"], "`tcp` or `udp`")?);
                Ok(())
            }
            "l3proto" => {
                self.advance();
                let span = self.span();
                let words = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
                let word = self.one_of(&words, "a family")?;
                if matches!(family, Family::Ip | Family::Ip6) && word != family.name() {
                    let message = format!("the table is of the family {}", family.name());
                    return Err(self.error(span, message));
                }
                Ok(())
            }
            "policy" if class == "timeout" => self.ct_policy(lines),
            "dport" if class == "expectation" => {
                self.advance();
                lines.has_port = true;
                self.number(65535).map(|_| ())
            }
            "timeout" if class == "expectation" => {
                self.advance();
                lines.has_timeout = true;
                self.duration().map(|_| ())
            }
            "size" if class == "expectation" => {
                self.advance();
                lines.has_size = true;
                self.number(255).map(|_| ())
            }
            _ => Err(self.unexpected(&format!("what a {class} says"))),
        }
    }

    /// `policy = { established : 122, close : 16s }`
    fn ct_policy(&mut self, lines: &mut Lines) -> Parsed<()> {
        self.advance();
        self.expect_sign("=")?;
        self.expect_sign("{")?;
        loop {
            self.skip_newlines();
            let state = self.name("a state of connections")?;
            self.expect_sign(":")?;
            match self.token().kind {
                TokenKind::Number(_) => self.number32().map(|_| ())?,
                _ => self.duration().map(|_| ())?,
            }
            lines.states.push((state.text, state.span));
            self.skip_newlines();
            if !self.take_sign(",") {
                return self.expect_sign("}");
            }
        }
    }
}
