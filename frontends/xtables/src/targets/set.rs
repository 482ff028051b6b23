//! `-j SET`: adds the packet's addresses, ports and more to a set, or deletes them from one
//! (net/netfilter/xt_set.c, `set_target_v3`).
//!
//! `--map-set` is refused: it copies a packet's priority and queue, which only the kernel can.

use crate::lower::RuleCx;
use crate::reference::View;
use crate::sets::SetRef;
use crate::{
    Action, ActionExtension, Families, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{SetQuery, Verdict};
use bpfc_sets::{Extensions, State};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static SET: ActionExtension = ActionExtension {
    name: "SET",
    families: Families::Both,
    options: &[
        OptionSpec::pair("add-set"),
        OptionSpec::pair("del-set"),
        OptionSpec::value("timeout"),
        OptionSpec::flag("exist"),
        OptionSpec::pair("map-set"),
        OptionSpec::flag("map-mark"),
        OptionSpec::flag("map-prio"),
        OptionSpec::flag("map-queue"),
    ],
    tables: &[],
    parse,
    revisions: &[
        Revision {
            number: 2,
            size: 16,
            decode: |f, cx| {
                let decoded = |at| Ok::<_, String>(SetRef::decode(f, at, cx)?.map(|(set, _)| set));
                let (flags, timeout) = (f.u32(8), f.u32(12));
                Ok(Arc::new(SetTarget::new(decoded(0)?, decoded(4)?, flags, timeout)?))
            },
        },
        Revision {
            number: 3,
            size: 24,
            decode: |f, cx| {
                let decoded = |at| Ok::<_, String>(SetRef::decode(f, at, cx)?.map(|(set, _)| set));
                if decoded(8)?.is_some() {
                    return Err(MAP_SET.into());
                }
                let (flags, timeout) = (f.u32(12), f.u32(16));
                Ok(Arc::new(SetTarget::new(decoded(0)?, decoded(4)?, flags, timeout)?))
            },
        },
    ],
};

const MAP_SET: &str = "--map-set sets a packet's mark, priority and queue from a set's element, \
                       which only the kernel can";
/// `IPSET_FLAG_EXIST`.
const EXIST: u32 = 1;
/// `UINT_MAX / MSEC_PER_SEC`: what the kernel cuts longer times to.
const MOST_SECONDS: u32 = u32::MAX / 1000;

#[derive(Debug)]
struct SetTarget {
    add: Option<SetRef>,
    delete: Option<SetRef>,
    exist: bool,
    timeout: Option<u32>,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    if let Some(given) = options.get("map-set") {
        return Err(given.unsupported(MAP_SET));
    }
    options.one_of(&["add-set", "del-set"])?;
    let set = |id| options.get(id).map(SetRef::parse).transpose();
    let (add, delete) = (set("add-set")?, set("del-set")?);
    if let (None, Some(given)) = (&add, options.get("exist").or(options.get("timeout"))) {
        return Err(given.bad("it works only together with --add-set"));
    }
    let timeout = match options.get("timeout") {
        Some(given) => Some(given.number(0, u64::from(u32::MAX) - 1)? as u32),
        None => None,
    };
    Ok(Arc::new(SetTarget { add, delete, exist: options.has("exist"), timeout }))
}

impl SetTarget {
    fn new(
        add: Option<SetRef>,
        delete: Option<SetRef>,
        flags: u32,
        timeout: u32,
    ) -> Result<Self, String> {
        if flags & !EXIST != 0 {
            return Err(format!("unknown flags {:#x}", flags & !EXIST));
        }
        let timeout = Some(timeout).filter(|seconds| *seconds != u32::MAX);
        Ok(SetTarget { add, delete, exist: flags != 0, timeout })
    }

    fn print(&self, prefix: &str, out: &mut String) {
        if let Some(set) = &self.add {
            let _ = write!(out, " {prefix}add-set");
            set.print(out);
        }
        if self.exist {
            let _ = write!(out, " {prefix}exist");
        }
        if let Some(seconds) = self.timeout {
            let _ = write!(out, " {prefix}timeout {seconds}");
        }
        if let Some(set) = &self.delete {
            let _ = write!(out, " {prefix}del-set");
            set.print(out);
        }
    }

    fn seconds(&self) -> Option<u32> {
        self.timeout.map(|seconds| seconds.min(MOST_SECONDS))
    }
}

/// What changes a set for a packet: by the key and the Ethernet address of its element.
type Change<'a> = &'a dyn Fn(&mut State, Vec<u8>, [u8; 6]) -> bool;

/// Changes the first set of a list, or the set itself, that lets itself be changed.
fn change(set: &SetRef, view: &View<'_>, act: Change<'_>) {
    let Some((def, members)) = view.sets.shape(&set.name, view.now()) else { return };
    let names = match def.kind.is_list() {
        true => members.into_iter().map(|(_, name)| name).collect(),
        false => vec![set.name.clone()],
    };
    for name in names {
        let Some(probe) = set.probe_in(view, &name) else { continue };
        let changed = view.sets.with(&name, |state| {
            state.packet_key(&probe).is_some_and(|key| act(state, key, probe.mac))
        });
        if changed == Some(true) {
            return;
        }
    }
}

impl Action for SetTarget {
    fn extension(&self) -> &'static ActionExtension {
        &SET
    }

    fn save(&self, out: &mut String) {
        self.print("--", out);
    }

    fn list(&self, out: &mut String) {
        self.print("", out);
    }

    fn sets(&self) -> Vec<&str> {
        self.add.iter().chain(&self.delete).map(|set| set.name.as_str()).collect()
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let add = SetQuery::Add { exist: self.exist, timeout: self.seconds() };
        for (set, query) in [(&self.add, add), (&self.delete, SetQuery::Delete)] {
            let Some(set) = set else { continue };
            let done = cx.builder().block();
            if set.lower_change(cx, &query, done).is_none() {
                cx.builder().jump(done);
            }
            cx.builder().switch_to(done);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        let (now, bytes) = (packet.now(), u64::from(packet.packet.length()));
        if let Some(set) = &self.add {
            change(set, packet, &|state, key, mac| {
                let def = state.def().clone();
                let layout = def.layout();
                let extensions = Extensions {
                    timeout: self.seconds(),
                    packets: 1,
                    bytes,
                    ..Extensions::default()
                };
                let mac = layout.value_mac.map(|_| mac);
                state.add(key, &extensions.value(&def, &layout, mac), self.exist, now)
            });
        }
        if let Some(set) = &self.delete {
            change(set, packet, &|state, key, _| state.delete(&key, now));
        }
        None
    }
}
