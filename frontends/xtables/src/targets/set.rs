//! `-j SET`: adds the packet's addresses, ports and more to a set, or deletes them from one
//! (net/netfilter/xt_set.c, `set_target_v3`), or takes the packet's mark, priority and transmit
//! queue from an element.

use crate::lower::RuleCx;
use crate::reference::View;
use crate::sets::SetRef;
use crate::{
    Action, ActionExtension, Families, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ipset::{Counts, Extensions, PacketInfo, State, Test};
use bpfc_ir::{Hook, SetQuery, Verdict};
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
                let (flags, timeout) = (f.u32(12), f.u32(16));
                let target = SetTarget::new(decoded(0)?, decoded(4)?, flags & !MAPS, timeout)?;
                let map = Map::decode(SetRef::decode(f, 8, cx)?, flags & MAPS)?;
                Ok(Arc::new(SetTarget { map, ..target }))
            },
        },
    ],
};

/// What of a packet is taken from elements, with its word and the kernel's flag
/// (`IPSET_FLAG_MAP_*`).
const MAPPED: [(&str, u32); 3] =
    [("map-mark", 1 << 8), ("map-prio", 1 << 9), ("map-queue", 1 << 10)];
/// All of these flags.
const MAPS: u32 = 7 << 8;
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
    map: Option<Map>,
}

/// A set whose elements say what becomes of packets, and what of it is taken: mark, priority,
/// queue.
#[derive(Debug)]
struct Map {
    set: SetRef,
    what: [bool; 3],
}

impl Map {
    fn decode(set: Option<(SetRef, bool)>, flags: u32) -> Result<Option<Map>, String> {
        let what = MAPPED.map(|(_, flag)| flags & flag != 0);
        match set {
            None if flags == 0 => Ok(None),
            None => Err(format!("the flags {flags:#x} without a set to map by")),
            Some((_, true)) => Err("a set to map by that is inverted".to_owned()),
            Some((_, false)) if flags == 0 => Err("a set to map by, and nothing to map".to_owned()),
            Some((set, false)) => Ok(Some(Map { set, what })),
        }
    }
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    options.one_of(&["add-set", "del-set", "map-set"])?;
    let set = |id| options.get(id).map(SetRef::parse).transpose();
    let (add, delete) = (set("add-set")?, set("del-set")?);
    if let (None, Some(given)) = (&add, options.get("exist").or(options.get("timeout"))) {
        return Err(given.bad("it works only together with --add-set"));
    }
    let timeout = match options.get("timeout") {
        Some(given) => Some(given.number(0, u64::from(u32::MAX) - 1)? as u32),
        None => None,
    };
    let what = MAPPED.map(|(word, _)| options.has(word));
    let map = match (set("map-set")?, what.contains(&true)) {
        (Some(set), true) => Some(Map { set, what }),
        (None, false) => None,
        (Some(_), false) => {
            return Err(options.bad("--map-set also needs --map-mark, --map-prio or --map-queue"));
        }
        (None, true) => {
            return Err(options.bad("what is mapped needs a set to map by: --map-set"));
        }
    };
    Ok(Arc::new(SetTarget { add, delete, exist: options.has("exist"), timeout, map }))
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
        Ok(SetTarget { add, delete, exist: flags != 0, timeout, map: None })
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
        if let Some(map) = &self.map {
            let _ = write!(out, " {prefix}map-set");
            map.set.print(out);
            for ((word, _), _) in MAPPED.iter().zip(map.what).filter(|(_, wanted)| *wanted) {
                let _ = write!(out, " {prefix}{word}");
            }
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

/// What a set makes of a packet; none where the packet is not in it.
fn mapped(set: &SetRef, view: &View<'_>) -> Option<PacketInfo> {
    let counts = Counts { bytes: view.packet.length(), now: view.now() };
    let test = Test::default();
    let info = |name: &str| {
        let probe = set.probe_in(view, name)?;
        view.sets.with(name, |state| state.info(&probe, &test, counts))?
    };
    let (def, members) = view.sets.shape(&set.name, view.now())?;
    if !def.kind.is_list() {
        return info(&set.name);
    }
    members.into_iter().find_map(|(key, name)| {
        let found = info(&name)?;
        let of_list = view.sets.with(&set.name, |list| {
            list.hit(&key, &test, counts).then(|| list.member_info(&key, view.now()))
        });
        let of_list = of_list??.unwrap_or_default();
        Some(if def.options.skbinfo { of_list } else { found })
    })
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
        let map = self.map.as_ref().map(|map| &map.set);
        self.add.iter().chain(&self.delete).chain(map).map(|set| set.name.as_str()).collect()
    }

    fn tables(&self) -> &'static [&'static str] {
        if self.map.is_some() { &["mangle"] } else { &[] }
    }

    fn hooks(&self) -> &'static [Hook] {
        match &self.map {
            Some(Map { what: [_, false, false], .. }) | None => &[],
            Some(_) => &[Hook::Forward, Hook::Output, Hook::Postrouting],
        }
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
        if let Some(Map { set, what }) = &self.map {
            let done = cx.builder().block();
            set.lower_map(cx, *what, done).map_err(Unsupported)?;
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
        if let Some(Map { set, what: [mark, priority, queue] }) = &self.map
            && let Some(info) = mapped(set, packet)
        {
            if *queue {
                packet.queue = Some(info.queue);
            }
            if *priority {
                packet.priority = Some(info.priority);
            }
            if *mark {
                packet.mark.set(info.marked(packet.mark.get()));
            }
        }
        None
    }
}
