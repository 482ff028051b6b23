//! `-m cgroup`: the class that the sending socket's control group has, of version 1's `net_cls`
//! (net/netfilter/xt_cgroup.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Condition, Hook, SocketField, Source, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static CGROUP: MatchExtension = MatchExtension {
    name: "cgroup",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("cgroup").invertible(), OptionSpec::value("path").invertible()],
    protocols: &[],
    hooks: &[Hook::Output, Hook::Postrouting, Hook::Input],
    parse,
    revisions: &[
        Revision {
            number: 0,
            size: 8,
            decode: |f, _| match f.u32(4) {
                invert @ (0 | 1) => Ok(Arc::new(Cgroup { class: f.u32(0), invert: invert == 1 })),
                other => Err(format!("its inversion is {other}, not 0 or 1")),
            },
        },
        Revision { number: 1, size: 4112, decode: |f, _| decode(f, 4100) },
        Revision { number: 2, size: 528, decode: |f, _| decode(f, 4) },
    ],
};

#[derive(Debug)]
struct Cgroup {
    class: u32,
    invert: bool,
}

const PATH: &str = "paths in version 2's tree are not compiled: the group must exist when the rule \
                    is loaded, which a compiled program cannot know; match who owns the socket, or \
                    load the rules for that group with target cgroup-skb";

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["cgroup", "path"])?;
    options.one_of(&["cgroup", "path"])?;
    match (options.get("cgroup"), options.get("path")) {
        (Some(given), _) => {
            let class = given.number(0, u32::MAX.into())? as u32;
            Ok(Arc::new(Cgroup { class, invert: given.invert }))
        }
        (None, Some(given)) => Err(given.unsupported(PATH)),
        (None, None) => Err(options.bad("no class")),
    }
}

/// `struct xt_cgroup_info_v1` and `_v2`: whether a path and a class are given, whether each is
/// inverted, then the class at an offset.
fn decode(f: Fields<'_>, class: usize) -> Result<Arc<dyn Match>, String> {
    match (f.flag(0)?, f.flag(1)?) {
        (true, true) => Err("both a path and a class are given".to_owned()),
        (false, false) => Err("neither a path nor a class is given".to_owned()),
        (true, false) => Err(PATH.to_owned()),
        (false, true) => Ok(Arc::new(Cgroup { class: f.u32(class), invert: f.flag(3)? })),
    }
}

impl Match for Cgroup {
    fn extension(&self) -> &'static MatchExtension {
        &CGROUP
    }

    fn save(&self, out: &mut String) {
        let sign = if self.invert { " !" } else { "" };
        let _ = write!(out, "{sign} --cgroup {}", self.class);
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, " cgroup {}{}", if self.invert { "! " } else { "" }, self.class);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let b = cx.builder();
        let full = b.load(Type::I8, Source::Socket(SocketField::Full));
        let full = b.compare_const(Condition::Ne, full, 0);
        cx.require(full);
        let b = cx.builder();
        let class = b.load(Type::I32, Source::Socket(SocketField::Class));
        let equal = b.compare_const(Condition::Eq, class, self.class.into());
        cx.expect(equal, !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        match &packet.packet.packet().socket {
            Some(socket) => Outcome::of((socket.class == self.class) != self.invert),
            None => Outcome::NoMatch,
        }
    }
}
