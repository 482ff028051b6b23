//! `-m cgroup`: the sending socket's control group: the class that it has in version 1's `net_cls`,
//! or where it lies in the hierarchy of version 2 (net/netfilter/xt_cgroup.c).
//!
//! A packet without a socket of its own never matches, inverted or not.

use super::comment::save_string;
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
                invert @ (0 | 1) => {
                    Ok(Arc::new(Cgroup { group: Group::Class(f.u32(0)), invert: invert == 1 }))
                }
                other => Err(format!("its inversion is {other}, not 0 or 1")),
            },
        },
        Revision { number: 1, size: 4112, decode: |f, _| decode(f, 4096, 4100) },
        Revision { number: 2, size: 528, decode: |f, _| decode(f, LONGEST, 4) },
    ],
};

/// Bytes of a path in revision 2, NUL included (`XT_CGROUP_PATH_MAX`).
const LONGEST: usize = 512;

#[derive(Debug)]
enum Group {
    /// `net_cls.classid`.
    Class(u32),
    /// A path from the root of the hierarchy of version 2: that group, or one below it.
    Path(String),
}

#[derive(Debug)]
struct Cgroup {
    group: Group,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["cgroup", "path"])?;
    options.one_of(&["cgroup", "path"])?;
    match (options.get("cgroup"), options.get("path")) {
        (Some(given), _) => {
            let class = given.number(0, u32::MAX.into())? as u32;
            Ok(Arc::new(Cgroup { group: Group::Class(class), invert: given.invert }))
        }
        (None, Some(given)) if given.text().len() >= LONGEST => {
            Err(given.bad(format!("the path is longer than {} bytes", LONGEST - 1)))
        }
        (None, Some(given)) => {
            let path = given.text().to_owned();
            Ok(Arc::new(Cgroup { group: Group::Path(path), invert: given.invert }))
        }
        (None, None) => Err(options.bad("no class")),
    }
}

/// `struct xt_cgroup_info_v1` and `_v2`: whether a path and a class are given, whether each is
/// inverted, then the path in so many bytes and the class at an offset.
fn decode(f: Fields<'_>, longest: usize, class: usize) -> Result<Arc<dyn Match>, String> {
    match (f.flag(0)?, f.flag(1)?) {
        (true, true) => Err("both a path and a class are given".to_owned()),
        (false, false) => Err("neither a path nor a class is given".to_owned()),
        (true, false) => {
            let path = f.text(4, longest).ok_or("its path has no end")?;
            Ok(Arc::new(Cgroup { group: Group::Path(path), invert: f.flag(2)? }))
        }
        (false, true) => {
            Ok(Arc::new(Cgroup { group: Group::Class(f.u32(class)), invert: f.flag(3)? }))
        }
    }
}

impl Match for Cgroup {
    fn extension(&self) -> &'static MatchExtension {
        &CGROUP
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " !" } else { "" });
        match &self.group {
            Group::Class(class) => {
                let _ = write!(out, " --cgroup {class}");
            }
            Group::Path(path) => {
                out.push_str(" --path");
                save_string(path, out);
            }
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.invert { " cgroup ! " } else { " cgroup " });
        let _ = match &self.group {
            Group::Class(class) => write!(out, "{class}"),
            Group::Path(path) => write!(out, "{path}"),
        };
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let b = cx.builder();
        let full = b.load(Type::I8, Source::Socket(SocketField::Full));
        let full = b.compare_const(Condition::Ne, full, 0);
        cx.require(full);
        let b = cx.builder();
        let holds = match &self.group {
            Group::Class(class) => {
                let found = b.load(Type::I32, Source::Socket(SocketField::Class));
                b.compare_const(Condition::Eq, found, (*class).into())
            }
            Group::Path(path) => {
                let inside = b.control_group(path);
                b.compare_const(Condition::Ne, inside, 0)
            }
        };
        cx.expect(holds, !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let Some(socket) = &packet.packet.packet().socket else { return Outcome::NoMatch };
        let holds = match &self.group {
            Group::Class(class) => socket.class == *class,
            Group::Path(path) => socket.is_in_group(path),
        };
        Outcome::of(holds != self.invert)
    }
}
