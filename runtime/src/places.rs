//! Which places a filter's programs are attached at, and how links are made there.

use crate::netlink::{self, attributes};
use crate::options::{Options, XdpMode};
use crate::place::{Attachment, Place, family_number, hook_number};
use crate::programs::load_attach_type;
use crate::stubs::{self, PAIRS};
use crate::sys::{Link, LinkTarget, Program, XdpFlags};
use crate::{Error, conntrack_table, features, sys};
use bpfc_artifact::{Artifact, AttachPoint};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;

impl Place {
    /// Where XDP's mode is left open, makes it generic on devices whose driver would run a program
    /// otherwise than it should.
    ///
    /// A veth device sends by `XDP_TX` only while its other end polls (`veth_xdp_xmit` in
    /// drivers/net/veth.c: with GRO or an XDP program), and drops the packet otherwise; `sends`
    /// says whether that matters. A bond hands the program to its members' drivers (`bond_xdp_set`
    /// in drivers/net/bonding/bond_main.c), where packets come in by a member and not by the bond:
    /// its native mode is an error.
    pub(crate) fn choose_mode(&mut self, sends: bool) -> Result<(), Error> {
        let place = self.to_string();
        let Place::Xdp { interface, mode, .. } = self else { return Ok(()) };
        if *mode == XdpMode::Generic {
            return Ok(());
        }
        let driver = sys::driver(interface);
        let driver = driver.map_err(Error::kernel(format!("ask for the driver of {interface}")))?;
        match (driver.as_deref(), *mode) {
            (Some("bonding"), XdpMode::Native) => Err(Error::Unsuitable {
                place,
                reason: format!(
                    "the kernel would run the program at the members of {interface}, where rules \
                     see a member as the input interface: use --xdp-mode generic, or attach to \
                     the members"
                ),
            }),
            (Some("bonding"), _) => {
                *mode = XdpMode::Generic;
                Ok(())
            }
            (Some("veth"), XdpMode::Auto) if sends => {
                *mode = XdpMode::Generic;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Attaches `program` here until the link is closed. Where XDP's mode is left open, it is
    /// native if the driver agrees; the place then says which it was.
    pub(crate) fn attach(&mut self, program: &Program) -> Result<Link, Error> {
        let attach_type = self.attach_point().attach_type();
        let result = match self {
            Place::Xdp { ifindex, mode, .. } => attach_xdp(program, *ifindex, mode),
            Place::Tc { ifindex, .. } => {
                let target = LinkTarget::Tcx { ifindex: *ifindex, attach_type, first: false };
                Link::create(program, target)
            }
            Place::Companion { ifindex, .. } => {
                let target = LinkTarget::Tcx { ifindex: *ifindex, attach_type, first: true };
                Link::create(program, target)
            }
            Place::Netfilter { family, hook, priority } => {
                let Some(hook) = hook_number(*hook) else {
                    return Err(Error::Artifact(format!("{self} is no hook of netfilter")));
                };
                let target = LinkTarget::Netfilter {
                    family: family_number(*family),
                    hook,
                    priority: *priority,
                };
                Link::create(program, target)
            }
            Place::Cgroup { path, .. } => File::open(&*path).and_then(|directory| {
                let target = LinkTarget::Cgroup { directory: directory.as_fd(), attach_type };
                Link::create(program, target)
            }),
        };
        result.map_err(|error| self.explain(error))
    }

    /// False where a netfilter hook's priority is free in the calling thread's network namespace.
    /// It is asked by holding it for a moment with a program that lets everything pass.
    pub(crate) fn is_taken(&self) -> Result<bool, Error> {
        if !self.is_netfilter() {
            return Ok(true);
        }
        let attach = self.attach_point();
        let program = stubs::pass(attach.kind(), load_attach_type(attach))?;
        Ok(self.clone().attach(&program).is_err())
    }

    fn explain(&self, error: io::Error) -> Error {
        let occupied = |reason: String| Error::Occupied { place: self.to_string(), reason };
        if error.raw_os_error() == Some(libc::EINVAL)
            && let Err(missing) = features::require(self.attach_point())
        {
            return missing;
        }
        match (self, error.raw_os_error()) {
            (Place::Xdp { ifindex, .. }, Some(libc::EBUSY | libc::EEXIST)) => {
                occupied(match xdp_program(*ifindex) {
                    Some(who) => {
                        format!("XDP program {who} is there already, and there is room for one")
                    }
                    None => "an XDP program is there already, and there is room for one".into(),
                })
            }
            // veth and others, where frames may be longer than a page.
            (Place::Xdp { interface, mode: XdpMode::Native, .. }, Some(libc::ERANGE)) => {
                Error::Unsuitable {
                    place: self.to_string(),
                    reason: format!(
                        "frames of {interface} or of its other end are too long for the driver's \
                         XDP: lower the MTU, or use --xdp-mode generic"
                    ),
                }
            }
            // tcx takes a program once at a place.
            (Place::Tc { .. }, Some(libc::EEXIST)) => {
                occupied("the filter's program is there already, by another link".into())
            }
            (Place::Netfilter { priority, .. }, Some(libc::EBUSY)) => occupied(format!(
                "something holds priority {priority} at this hook (iptables' filter tables are at \
                 0): choose another"
            )),
            (Place::Netfilter { priority: i32::MIN | i32::MAX, .. }, _) => {
                occupied("the kernel keeps the lowest and the highest priority to itself".into())
            }
            (Place::Cgroup { path, .. }, Some(libc::ENOENT | libc::EBADF | libc::EINVAL)) => {
                occupied(format!("{path} is no cgroup of version 2"))
            }
            _ => Error::Kernel { doing: format!("attach to {self}"), source: error },
        }
    }
}

fn attach_xdp(program: &Program, ifindex: u32, mode: &mut XdpMode) -> io::Result<Link> {
    let attach = |flags| Link::create(program, LinkTarget::Xdp { ifindex, flags });
    match *mode {
        XdpMode::Native => attach(XdpFlags::Native),
        XdpMode::Generic => attach(XdpFlags::Generic),
        XdpMode::Auto => match attach(XdpFlags::Native) {
            Ok(link) => {
                *mode = XdpMode::Native;
                Ok(link)
            }
            // Busy stays busy; anything else may be the driver's refusal.
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Err(error),
            Err(_) => {
                let link = attach(XdpFlags::Generic)?;
                *mode = XdpMode::Generic;
                Ok(link)
            }
        },
    }
}

/// Identifier and name of the XDP program on an interface of the calling thread's network
/// namespace. The interface is asked, not the links there are: they name interfaces by numbers that
/// other namespaces have, too, and a program may be attached without a link.
fn xdp_program(ifindex: u32) -> Option<String> {
    let mut found = None;
    netlink::links(|number, _, link| {
        if number == ifindex {
            found = attached_xdp(link);
        }
    })
    .ok()?;
    let id = found?;
    let name = Program::by_id(id).and_then(|program| program.info()).map(|info| info.name);
    Some(name.map_or_else(|_| id.to_string(), |name| format!("{id} ({name})")))
}

/// The identifier of the XDP program that a device's attributes name.
fn attached_xdp(link: &[u8]) -> Option<u32> {
    /// `IFLA_XDP`, and in it `IFLA_XDP_PROG_ID`, `IFLA_XDP_DRV_PROG_ID`, `IFLA_XDP_SKB_PROG_ID` and
    /// `IFLA_XDP_HW_PROG_ID` (include/uapi/linux/if_link.h): the first is there where one mode is
    /// in use.
    const XDP: u16 = 43;
    const PROGRAMS: std::ops::RangeInclusive<u16> = 4..=7;
    let (_, xdp) = attributes(link).find(|(kind, _)| *kind == XDP)?;
    let mut programs = attributes(xdp).filter(|(kind, _)| PROGRAMS.contains(kind));
    programs.find_map(|(_, id)| id.first_chunk().map(|id| u32::from_ne_bytes(*id)))
}

/// Gives the netfilter places of a plan their slots: those of the old plan where they are in
/// it, others that no old place has.
pub(crate) fn assign_pairs(plan: &mut [Attachment], old: &[Attachment]) -> Result<(), Error> {
    let mut taken: BTreeSet<u32> = old.iter().filter_map(|attachment| attachment.pair).collect();
    for attachment in plan.iter_mut().filter(|attachment| attachment.place.is_netfilter()) {
        let pin = attachment.place.pin_name();
        let same = old.iter().find(|found| found.place.pin_name() == pin);
        let free = || (0..PAIRS).find(|pair| !taken.contains(pair));
        let pair = same.and_then(|found| found.pair).or_else(free);
        let Some(pair) = pair else {
            return Err(Error::Options(format!("no more than {PAIRS} netfilter hooks at a time")));
        };
        taken.insert(pair);
        attachment.pair = Some(pair);
    }
    Ok(())
}

/// Refuses a plan that moves a netfilter hook's program to another priority. Between the two
/// places a packet would be met by both programs or by none, depending on which one decided as it
/// passed: the kernel gives a netfilter program nothing to remember a packet by.
pub(crate) fn refuse_moves(plan: &[Attachment], old: &[Attachment]) -> Result<(), Error> {
    let hook = |place: &Place| match place {
        Place::Netfilter { family, hook, priority } => Some(((*family, *hook), *priority)),
        _ => None,
    };
    for (at, to) in plan.iter().filter_map(|attachment| hook(&attachment.place)) {
        let mut before = old.iter().filter_map(|attachment| hook(&attachment.place));
        let Some((_, from)) = before.clone().find(|(found, _)| *found == at) else { continue };
        if before.all(|place| place != (at, to)) {
            return Err(Error::Options(format!(
                "the filter's program at netfilter {} {} is at priority {from} and cannot move to \
                 {to} without a packet passing unfiltered: keep the priority, or load the ruleset \
                 as a filter of another name and then unload this one",
                at.0, at.1,
            )));
        }
    }
    Ok(())
}

/// The artifact without what its programs can do without on this kernel: companions, where
/// conntrack's own table is walked (`walks`, by [`conntrack_table::find_for`]), and where there is
/// no tcx, which is their place. Conntrack must be there ([`crate::conntrack::provide`]).
pub(crate) fn supported(artifact: &Artifact, walks: bool) -> Cow<'_, Artifact> {
    if !artifact.has_companion() {
        return Cow::Borrowed(artifact);
    }
    if walks {
        let mut less = without_companions(artifact).into_owned();
        conntrack_table::forgo_notes(&mut less);
        return Cow::Owned(less);
    }
    if features::require(AttachPoint::Companion).is_err() {
        return without_companions(artifact);
    }
    Cow::Borrowed(artifact)
}

/// The artifact without its companions.
pub(crate) fn without_companions(artifact: &Artifact) -> Cow<'_, Artifact> {
    if !artifact.has_companion() {
        return Cow::Borrowed(artifact);
    }
    let mut less = artifact.clone();
    less.programs.retain(|program| program.attach != AttachPoint::Companion);
    Cow::Owned(less)
}

/// Where an artifact's programs go by the caller's options, in the artifact's order.
pub(crate) fn plan(artifact: &Artifact, options: &Options) -> Result<Vec<Attachment>, Error> {
    let mut interfaces = Vec::with_capacity(options.interfaces.len());
    for name in &options.interfaces {
        interfaces.push((name.clone(), interface_number(name)?));
    }
    let mut plan: Vec<Attachment> = Vec::new();
    for program in &artifact.programs {
        for place in places(program.attach, &interfaces, options)? {
            if let Some(other) =
                plan.iter().find(|other| other.place.pin_name() == place.pin_name())
            {
                return Err(Error::Options(format!(
                    "programs {} and {} both go to {place}",
                    other.program, program.name
                )));
            }
            plan.push(Attachment { program: program.name.clone(), place, pair: None });
        }
    }
    let by_interface = |place: &Place| matches!(place, Place::Xdp { .. } | Place::Tc { .. });
    if !interfaces.is_empty() && !plan.iter().any(|attachment| by_interface(&attachment.place)) {
        return Err(Error::Options(format!(
            "target {} is not attached to interfaces, but to {}",
            artifact.target,
            if artifact.target == "cgroup-skb" {
                "a cgroup"
            } else {
                "hooks of the network namespace"
            },
        )));
    }
    Ok(plan)
}

fn places(
    attach: AttachPoint,
    interfaces: &[(String, u32)],
    options: &Options,
) -> Result<Vec<Place>, Error> {
    let on_interfaces = |place: &dyn Fn(String, u32) -> Place| {
        if interfaces.is_empty() {
            return Err(Error::Options("name at least one interface to attach to".into()));
        }
        Ok(interfaces.iter().map(|(name, index)| place(name.clone(), *index)).collect())
    };
    let tc = |egress: bool| {
        on_interfaces(&|interface, ifindex| Place::Tc { interface, ifindex, egress })
    };
    match attach {
        AttachPoint::Service => Ok(Vec::new()),
        AttachPoint::Xdp => on_interfaces(&|interface, ifindex| Place::Xdp {
            interface,
            ifindex,
            mode: options.xdp_mode,
        }),
        AttachPoint::TcIngress => tc(false),
        AttachPoint::TcEgress => tc(true),
        AttachPoint::Companion => {
            on_interfaces(&|interface, ifindex| Place::Companion { interface, ifindex })
        }
        AttachPoint::Netfilter { family, hook, priority } => {
            if hook_number(hook).is_none() {
                return Err(Error::Artifact(format!("{hook} is no netfilter hook")));
            }
            let priority = options.priority.unwrap_or(priority);
            Ok(vec![Place::Netfilter { family, hook, priority }])
        }
        AttachPoint::CgroupIngress | AttachPoint::CgroupEgress => {
            if options.cgroup.as_os_str().is_empty() {
                return Err(Error::Options("name the control group to attach to".into()));
            }
            let found = fs::metadata(&options.cgroup).map_err(Error::path(&options.cgroup))?;
            Ok(vec![Place::Cgroup {
                path: options.cgroup.display().to_string(),
                id: found.ino(),
                egress: attach == AttachPoint::CgroupEgress,
            }])
        }
    }
}

/// The number of an interface of this network namespace.
pub(crate) fn interface_number(name: &str) -> Result<u32, Error> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None);
    let socket = socket.map_err(io::Error::from).map_err(Error::kernel("open a socket"))?;
    netdevice::name_to_index(&socket, name)
        .map_err(|_| Error::NoInterface { name: name.to_owned() })
}
