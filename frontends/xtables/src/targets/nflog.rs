//! `-j NFLOG`: the packet to a group of listeners (net/netfilter/xt_NFLOG.c).

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
pub static NFLOG: ActionExtension = ActionExtension {
    name: "NFLOG",
    families: Families::Both,
    options: &[
        OptionSpec::value("nflog-group"),
        OptionSpec::value("nflog-prefix"),
        OptionSpec::value("nflog-range"),
        OptionSpec::value("nflog-size"),
        OptionSpec::value("nflog-threshold"),
    ],
    tables: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 80,
        decode: |fields, _| {
            let flags = fields.u16(8);
            if flags & !COPY_LENGTH != 0 {
                return Err(format!("its flags are {flags:#x}, of which 1 is known"));
            }
            let prefix = fields.text(12, PREFIX).filter(|_| fields.u8(12 + PREFIX - 1) == 0);
            Ok(Arc::new(Nflog {
                length: fields.u32(0),
                group: fields.u16(4),
                threshold: fields.u16(6),
                copies: flags & COPY_LENGTH != 0,
                prefix: prefix.ok_or("its prefix does not end")?,
            }))
        },
    }],
};

/// Bytes of the kernel's buffer, NUL included.
const PREFIX: usize = 64;
/// `XT_NFLOG_F_COPY_LEN`: the length is one to copy.
const COPY_LENGTH: u16 = 1;

#[derive(Debug)]
struct Nflog {
    length: u32,
    group: u16,
    threshold: u16,
    /// Whether `length` bytes are copied; without, the kernel does not look at `length`.
    copies: bool,
    prefix: String,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    options.exclusive(&["nflog-range", "nflog-size"])?;
    let number = |id, high: u32| match options.get(id) {
        Some(given) => given.number(0, high.into()).map(|number| number as u32),
        None => Ok(0),
    };
    let id = if options.has("nflog-size") { "nflog-size" } else { "nflog-range" };
    Ok(Arc::new(Nflog {
        length: number(id, u32::MAX)?,
        group: number("nflog-group", u16::MAX.into())? as u16,
        threshold: number("nflog-threshold", u16::MAX.into())? as u16,
        copies: options.has("nflog-size"),
        prefix: prefix(options, "nflog-prefix", PREFIX)?,
    }))
}

impl Nflog {
    fn print(&self, dashes: &str, out: &mut String) {
        if !self.prefix.is_empty() {
            let _ = write!(out, " {dashes}nflog-prefix");
            save_string(&self.prefix, out);
        }
        if self.group != 0 {
            let _ = write!(out, " {dashes}nflog-group {}", self.group);
        }
        if self.copies {
            let _ = write!(out, " {dashes}nflog-size {}", self.length);
        } else if self.length != 0 {
            let _ = write!(out, " {dashes}nflog-range {}", self.length);
        }
        if self.threshold != 0 {
            let _ = write!(out, " {dashes}nflog-threshold {}", self.threshold);
        }
    }
}

impl Action for Nflog {
    fn extension(&self) -> &'static ActionExtension {
        &NFLOG
    }

    fn save(&self, out: &mut String) {
        self.print("--", out);
    }

    fn list(&self, out: &mut String) {
        self.print("", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let Nflog { group, threshold, .. } = *self;
        let size = self.copies.then_some(self.length);
        cx.log(LogKind::Group { group, threshold, size }, &self.prefix);
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

    fn decoded(bytes: [u8; 80]) -> Result<String, String> {
        let cx = DecodeCx {
            family: Family::Ipv4,
            header: &Header::default(),
            sets: &bpfc_ir::SetTable::default(),
        };
        let action = (NFLOG.revisions[0].decode)(Fields(&bytes), &cx)?;
        let mut text = String::new();
        action.save(&mut text);
        Ok(text)
    }

    #[test]
    fn kernel_structs_are_read_and_not_believed() {
        let mut bytes = [0; 80];
        bytes[..4].copy_from_slice(&70_000u32.to_ne_bytes());
        bytes[4..6].copy_from_slice(&0x1234u16.to_ne_bytes());
        bytes[6..8].copy_from_slice(&9u16.to_ne_bytes());
        bytes[12] = b'x';
        let group = "--nflog-prefix x --nflog-group 4660";
        let range = format!(" {group} --nflog-range 70000 --nflog-threshold 9");
        assert_eq!(decoded(bytes), Ok(range));
        bytes[8..10].copy_from_slice(&1u16.to_ne_bytes());
        let size = format!(" {group} --nflog-size 70000 --nflog-threshold 9");
        assert_eq!(decoded(bytes), Ok(size));
        bytes[8..10].copy_from_slice(&3u16.to_ne_bytes());
        assert_eq!(decoded(bytes), Err("its flags are 0x3, of which 1 is known".to_owned()));
        bytes[8..10].fill(0);
        bytes[75] = b'x';
        assert_eq!(decoded(bytes), Err("its prefix does not end".to_owned()));
    }
}
