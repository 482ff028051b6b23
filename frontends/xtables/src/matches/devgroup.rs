//! `-m devgroup`: the groups of the packet's interfaces (net/netfilter/xt_devgroup.c).

use super::realm::print_named;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Condition, Hook, Meta};
use std::sync::Arc;

/// The descriptor.
pub static DEVGROUP: MatchExtension = MatchExtension {
    name: "devgroup",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("src-group").invertible(),
        OptionSpec::value("dst-group").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 24, decode: |f, _| decode(f) }],
};

/// `group & mask == value`, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Test {
    value: u32,
    mask: u32,
    invert: bool,
}

#[derive(Debug)]
struct DevGroup {
    input: Option<Test>,
    output: Option<Test>,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.one_of(&["src-group", "dst-group"])?;
    let test = |id| -> Result<Option<Test>, Problem> {
        let Some(given) = options.get(id) else { return Ok(None) };
        let (value, mask) = match given.text() {
            "default" => (0, u32::MAX),
            _ => given.value_and_mask()?,
        };
        Ok(Some(Test { value, mask, invert: given.invert }))
    };
    Ok(Arc::new(DevGroup { input: test("src-group")?, output: test("dst-group")? }))
}

/// `struct xt_devgroup_info`: flags, then value and mask of both.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    let flags = f.u32(0);
    if flags & !0xf != 0 {
        return Err(format!("its flags are {flags:#x}, of which the kernel knows 0xf"));
    }
    let test = |bit: u32, offset: usize| {
        let invert = flags & bit << 1 != 0;
        let test = Test { value: f.u32(offset), mask: f.u32(offset + 4), invert };
        (flags & bit != 0).then_some(test)
    };
    Ok(Arc::new(DevGroup { input: test(1, 4), output: test(4, 12) }))
}

impl Test {
    fn holds(self, group: u32) -> bool {
        ((group ^ self.value) & self.mask == 0) != self.invert
    }

    fn lower(self, cx: &mut RuleCx<'_>, meta: Meta) {
        let b = cx.builder();
        let group = b.meta(meta);
        let masked = b.mask(group, self.mask.into());
        let equal = b.compare_const(Condition::Eq, masked, (self.value & self.mask).into());
        cx.expect(equal, !self.invert);
    }
}

impl DevGroup {
    fn tests(&self) -> impl Iterator<Item = (&'static str, Meta, Test)> {
        let tests =
            [("src-group", Meta::InGroup, self.input), ("dst-group", Meta::OutGroup, self.output)];
        tests.into_iter().filter_map(|(name, meta, test)| Some((name, meta, test?)))
    }
}

impl Match for DevGroup {
    fn extension(&self) -> &'static MatchExtension {
        &DEVGROUP
    }

    /// The kernel refuses an interface that a hook's packets do not have yet, or no longer.
    fn hooks(&self) -> &'static [Hook] {
        match (&self.input, &self.output) {
            (None, None) => &[],
            (Some(_), None) => &[Hook::Prerouting, Hook::Input, Hook::Forward],
            (None, Some(_)) => &[Hook::Forward, Hook::Output, Hook::Postrouting],
            (Some(_), Some(_)) => &[Hook::Forward],
        }
    }

    fn save(&self, out: &mut String) {
        for (name, _, test) in self.tests() {
            out.push_str(if test.invert { " ! --" } else { " --" });
            out.push_str(name);
            out.push(' ');
            print_named(test.value, test.mask, Some("default"), out);
        }
    }

    fn list(&self, out: &mut String) {
        for (name, _, test) in self.tests() {
            out.push_str(if test.invert { " ! " } else { " " });
            out.push_str(name);
            out.push(' ');
            print_named(test.value, test.mask, None, out);
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        for (_, meta, test) in self.tests() {
            test.lower(cx, meta);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = packet.packet.packet();
        Outcome::of(self.tests().all(|(_, meta, test)| {
            test.holds(if meta == Meta::InGroup { packet.in_group } else { packet.out_group })
        }))
    }
}
