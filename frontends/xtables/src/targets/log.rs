//! `-j LOG`: a line of the kernel's log (net/netfilter/xt_LOG.c).

use super::prefix;
use crate::lower::RuleCx;
use crate::matches::comment::save_string;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{LogKind, Verdict};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static LOG: ActionExtension = ActionExtension {
    name: "LOG",
    families: Families::Both,
    options: &[
        OptionSpec::value("log-level"),
        OptionSpec::value("log-prefix"),
        OptionSpec::flag("log-tcp-sequence"),
        OptionSpec::flag("log-tcp-options"),
        OptionSpec::flag("log-ip-options"),
        OptionSpec::flag("log-uid"),
        OptionSpec::flag("log-macdecode"),
    ],
    tables: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 32,
        decode: |fields, _| {
            let (level, flags) = (fields.u8(0), fields.u8(1));
            let prefix = fields.text(2, PREFIX).ok_or("its prefix does not end")?;
            if level > 7 {
                return Err(format!("its level is {level}, more than 7"));
            }
            // The kernel does not look at other bits.
            Ok(Arc::new(Log { level, flags, prefix }))
        },
    }],
};

/// Bytes of the kernel's buffer, NUL included.
const PREFIX: usize = 30;
/// `LOG_WARNING`.
const DEFAULT_LEVEL: u8 = 4;

/// Names that `--log-level` takes (libxtables/xtoptions.c).
const LEVELS: [(&str, u8); 9] = [
    ("alert", 1),
    ("crit", 2),
    ("debug", 7),
    ("emerg", 0),
    ("error", 3),
    ("info", 6),
    ("notice", 5),
    ("panic", 0),
    ("warning", 4),
];

/// Options without values and their bits (include/uapi/linux/netfilter/xt_LOG.h).
const FLAGS: [(&str, u8); 5] = [
    ("log-tcp-sequence", 0x01),
    ("log-tcp-options", 0x02),
    ("log-ip-options", 0x04),
    ("log-uid", 0x08),
    ("log-macdecode", 0x20),
];

#[derive(Debug)]
struct Log {
    level: u8,
    flags: u8,
    prefix: String,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    let level = match options.get("log-level") {
        None => DEFAULT_LEVEL,
        Some(given) => {
            let named = LEVELS.iter().find(|(name, _)| *name == given.text());
            let number = given.number(0, 7).ok().map(|level| level as u8);
            number.or(named.map(|&(_, level)| level)).ok_or_else(|| {
                given.bad(format!("'{}' is neither a level's name nor 0 to 7", given.text()))
            })?
        }
    };
    let given = FLAGS.iter().filter(|(name, _)| options.has(name));
    let flags = given.fold(0, |flags, (_, flag)| flags | flag);
    Ok(Arc::new(Log { level, flags, prefix: prefix(options, "log-prefix", PREFIX)? }))
}

impl Action for Log {
    fn extension(&self) -> &'static ActionExtension {
        &LOG
    }

    fn save(&self, out: &mut String) {
        if !self.prefix.is_empty() {
            out.push_str(" --log-prefix");
            save_string(&self.prefix, out);
        }
        if self.level != DEFAULT_LEVEL {
            let _ = write!(out, " --log-level {}", self.level);
        }
        for (name, flag) in FLAGS {
            if self.flags & flag != 0 {
                let _ = write!(out, " --{name}");
            }
        }
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, " LOG flags {} level {}", self.flags, self.level);
        if !self.prefix.is_empty() {
            let _ = write!(out, " prefix \"{}\"", self.prefix);
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.log(LogKind::Syslog { level: self.level, flags: self.flags }, &self.prefix);
        Ok(())
    }

    fn evaluate(&self, _: &mut View<'_>) -> Option<Verdict> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeCx, Fields, Header};
    use bpfc_ir::Family;

    fn decoded(bytes: [u8; 32]) -> Result<String, String> {
        let cx = DecodeCx {
            family: Family::Ipv4,
            header: &Header::default(),
            sets: &bpfc_ir::SetTable::default(),
        };
        let action = (LOG.revisions[0].decode)(Fields(&bytes), &cx)?;
        let mut text = String::new();
        action.save(&mut text);
        Ok(text)
    }

    #[test]
    fn kernel_structs_are_read_and_not_believed() {
        let mut bytes = [0; 32];
        (bytes[0], bytes[1]) = (7, 0x29);
        bytes[2..5].copy_from_slice(b"a b");
        let flags = " --log-tcp-sequence --log-uid --log-macdecode";
        assert_eq!(decoded(bytes), Ok(format!(" --log-prefix \"a b\" --log-level 7{flags}")));
        bytes[0] = 8;
        assert_eq!(decoded(bytes), Err("its level is 8, more than 7".to_owned()));
        bytes[0] = 4;
        bytes[2..].fill(b'x');
        assert_eq!(decoded(bytes), Err("its prefix does not end".to_owned()));
    }
}
