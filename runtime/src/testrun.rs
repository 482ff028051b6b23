//! Runs a filter's programs on packets without attaching them to anything.
//!
//! The kernel builds a packet buffer from the bytes given, runs the program on it and says what it
//! returned (`BPF_PROG_TEST_RUN`, net/bpf/test_run.c). What a packet can be differs by program
//! type, and [`Unattached::run`] refuses what the kernel would ignore:
//!
//! | | XDP | tc, cgroup | netfilter |
//! |---|---|---|---|
//! | first bytes | Ethernet header | Ethernet header | Ethernet header |
//! | input interface | `ifindex`, one whose driver does XDP; else lo | `ingress_ifindex`, any number | none |
//! | device | the input interface | `ifindex`, any interface; else lo | lo, which is the output interface, at every hook |
//! | mark | none | yes | none |
//! | packet type | none | from the destination address, against the device's | the same |
//! | conntrack | lookups in this namespace | the same | the packet has no entry |
//!
//! Devices are those of the calling thread's network namespace.

use crate::counters::{self, Count, Counters};
use crate::place::{family_number, hook_number};
use crate::places;
use crate::programs::ProgramSet;
use crate::sets::OldSets;
use crate::sys::{Map, TestRun};
use crate::{Error, conntrack, conntrack_table};
use bpfc_artifact::{Artifact, AttachPoint, MapDef, MapRole, Program, ProgramKind, RuleTable};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// An artifact's programs in the kernel, attached to nothing, with counters of their own. Closing
/// this removes them.
#[derive(Debug)]
pub struct Unattached {
    set: ProgramSet,
    programs: Vec<Program>,
    /// Without first elements.
    defs: Vec<MapDef>,
    counters: Option<usize>,
    rules: Arc<RuleTable>,
    zeroed: Vec<Count>,
    /// The name of our conntrack table, where one was needed.
    tracking: Option<String>,
}

/// Tells the tables of several values apart.
static LOADED: AtomicU32 = AtomicU32::new(0);

/// A packet to run a program on.
#[derive(Clone, Copy, Debug, Default)]
pub struct TestPacket<'a> {
    /// Its bytes from the Ethernet header on, at least an Ethernet header.
    pub data: &'a [u8],
    /// XDP: the input interface. Tc and cgroup: the packet's device. 0 for lo.
    pub ifindex: u32,
    /// Tc and cgroup: the input interface's number, `skb_iif`; 0 for none.
    pub ingress_ifindex: u32,
    /// Tc and cgroup: the mark.
    pub mark: u32,
}

/// What a program did to a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What it returned: `XDP_*`, `TC_ACT_*` (as a signed number), 0 or 1 for a cgroup, `NF_DROP`
    /// (0) or `NF_ACCEPT` (1). Where TC ingress drops a packet for this host and lets it go on to
    /// packet sockets and bridges, it is `TC_ACT_SHOT` as well.
    pub verdict: i32,
    /// The packet afterwards; empty for netfilter.
    pub data: Vec<u8>,
    /// The packet's mark afterwards, for tc and cgroup.
    pub mark: Option<u32>,
    /// Mean time of a run in nanoseconds, with 15 to 20 ns of the kernel's own.
    pub nanoseconds: u32,
}

/// `struct __sk_buff` (include/uapi/linux/bpf.h) of Linux 5.18 and later: size in bytes and the
/// members that may be set. Older kernels take it when what they do not know is zero.
const SKB_SIZE: usize = 192;
const SKB_MARK: usize = 8;
const SKB_INGRESS_IFINDEX: usize = 36;
const SKB_IFINDEX: usize = 40;
/// `struct xdp_md`: size, the packet's end and the input interface.
const XDP_SIZE: usize = 24;
const XDP_DATA_END: usize = 4;
const XDP_INGRESS_IFINDEX: usize = 12;
/// `TCX_PASS` (`enum tcx_action_base`) and `TC_ACT_SHOT`.
const TCX_PASS: i32 = 0;
const TC_ACT_SHOT: i32 = 2;
/// `struct nf_hook_state` on 64-bit machines: hook and family, then five pointers.
const HOOK_STATE_SIZE: usize = 48;

impl Unattached {
    /// Loads an artifact's programs. Where they ask conntrack, this network namespace tracks
    /// connections as long as the value lives.
    pub fn load(artifact: &Artifact) -> Result<Unattached, Error> {
        let artifact = &*places::without_companions(artifact);
        let tracking = artifact.needs_conntrack.then(|| {
            let number = LOADED.fetch_add(1, Ordering::Relaxed);
            format!("test-{}-{number}", std::process::id())
        });
        if let Some(name) = &tracking {
            conntrack::enable(name)?;
        }
        let table = conntrack_table::find_for(artifact);
        let set = match ProgramSet::load(artifact, Vec::new(), &OldSets::default(), table) {
            Ok(set) => set,
            Err(error) => {
                if let Some(name) = &tracking {
                    // The first error is the one to tell.
                    let _ = conntrack::disable(name);
                }
                return Err(error);
            }
        };
        let rows = artifact.rules.rows();
        Ok(Unattached {
            set,
            programs: artifact.programs.clone(),
            defs: artifact
                .maps
                .iter()
                .map(|map| MapDef { initial: bpfc_artifact::Entries::default(), ..map.clone() })
                .collect(),
            counters: artifact.maps.iter().position(|map| map.role == MapRole::Counters),
            rules: Arc::new(artifact.rules.clone()),
            zeroed: vec![Count::default(); rows],
            tracking,
        })
    }

    /// Its programs, whose positions [`Unattached::run`] takes.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// Runs program number `program` on a packet `repeat` times (at least once), all of which are
    /// counted.
    pub fn run(
        &self,
        program: usize,
        packet: &TestPacket<'_>,
        repeat: u32,
    ) -> Result<Outcome, Error> {
        let (Some(entry), Some(loaded)) =
            (self.programs.get(program), self.set.programs.get(program))
        else {
            return Err(Error::Options(format!("the artifact has no program number {program}")));
        };
        let kind = entry.attach.kind();
        let context = context(entry.attach, packet)?;
        let is_skb = matches!(kind, ProgramKind::SchedCls | ProgramKind::CgroupSkb);
        let run = TestRun { data: packet.data, context: &context, repeat, context_out: is_skb };
        let result = loaded
            .test_run(&run)
            .map_err(Error::kernel(format!("run program {} on a packet", entry.name)))?;
        // TC ingress drops for this host alone what others may still read.
        let verdict = match (entry.attach, result.retval as i32) {
            (AttachPoint::TcIngress, TCX_PASS) => TC_ACT_SHOT,
            (_, verdict) => verdict,
        };
        let mark = result.context.get(SKB_MARK..).and_then(|tail| tail.first_chunk());
        Ok(Outcome {
            verdict,
            data: result.data,
            mark: mark.map(|mark| u32::from_ne_bytes(*mark)),
            nanoseconds: result.duration,
        })
    }

    /// Its maps.
    pub(crate) fn maps(&self) -> impl Iterator<Item = (&MapDef, &Map)> {
        self.defs.iter().zip(&self.set.maps)
    }

    fn sums(&self) -> Result<Vec<Count>, Error> {
        match self.counter_map() {
            Some(map) => counters::sums(map, &self.rules),
            None => Ok(vec![Count::default(); self.rules.rows()]),
        }
    }

    fn counter_map(&self) -> Option<&Map> {
        self.counters.and_then(|index| self.set.maps.get(index))
    }

    /// The counts since the load or the last [`Unattached::zero`].
    pub fn counters(&self) -> Result<Counters, Error> {
        let counts = counters::add(&self.sums()?, &self.zeroed);
        Ok(Counters::new(Arc::clone(&self.rules), counts))
    }

    /// Sets all counts to zero.
    pub fn zero(&mut self) -> Result<(), Error> {
        self.zeroed = counters::negate(&self.sums()?);
        Ok(())
    }
}

impl Drop for Unattached {
    fn drop(&mut self) {
        if let Some(name) = &self.tracking {
            // There is no one to tell; a table that stays does no harm.
            let _ = conntrack::disable(name);
        }
    }
}

fn context(attach: AttachPoint, packet: &TestPacket<'_>) -> Result<Vec<u8>, Error> {
    let refuse = |what: &str| {
        Err(Error::Options(format!("a test run of this kind of program cannot set {what}")))
    };
    let word = |bytes: &mut Vec<u8>, at: usize, value: u32| {
        bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    };
    match attach {
        AttachPoint::Xdp | AttachPoint::Service => {
            if packet.mark != 0 || packet.ingress_ifindex != 0 {
                return refuse("a mark, or an input interface apart from the device");
            }
            let mut bytes = vec![0; XDP_SIZE];
            word(&mut bytes, XDP_DATA_END, packet.data.len() as u32);
            word(&mut bytes, XDP_INGRESS_IFINDEX, packet.ifindex);
            Ok(bytes)
        }
        AttachPoint::TcIngress
        | AttachPoint::TcEgress
        | AttachPoint::Companion
        | AttachPoint::CgroupIngress
        | AttachPoint::CgroupEgress => {
            let mut bytes = vec![0; SKB_SIZE];
            word(&mut bytes, SKB_MARK, packet.mark);
            word(&mut bytes, SKB_INGRESS_IFINDEX, packet.ingress_ifindex);
            word(&mut bytes, SKB_IFINDEX, packet.ifindex);
            Ok(bytes)
        }
        AttachPoint::Netfilter { family, hook, .. } => {
            if packet.mark != 0 || packet.ifindex != 0 || packet.ingress_ifindex != 0 {
                return refuse("a mark or an interface");
            }
            let Some(hook) = hook_number(hook) else { return refuse("this hook") };
            let mut bytes = vec![0; HOOK_STATE_SIZE];
            bytes[0] = hook as u8;
            bytes[1] = family_number(family) as u8;
            Ok(bytes)
        }
    }
}
