//! Asks the running kernel for what not every supported kernel has.
//!
//! The kernel answers a missing feature with EINVAL, which says nothing. These probes try the
//! smallest use of the feature and turn its absence into [`Error::Unsupported`] with the kernel
//! version that has it.

use crate::place::Attachment;
use crate::sys::{Link, LinkTarget};
use crate::{Error, stubs};
use bpfc_artifact::{AttachPoint, KernelFeature, KernelVersion, ProgramKind, kernel};

/// An interface number that no interface has.
const NO_INTERFACE: u32 = i32::MAX as u32;

/// Checks that the running kernel can attach programs at `attach`, as far as that depends on its
/// version.
///
/// # Errors
/// [`Error::Unsupported`] says since when kernels can.
pub fn supports(attach: AttachPoint) -> Result<(), Error> {
    require(attach)
}

/// Checks that programs can be attached where a plan says, before any time is spent on them.
pub(crate) fn check(plan: &[Attachment]) -> Result<(), Error> {
    let points: Vec<AttachPoint> = plan.iter().map(|found| found.place.attach_point()).collect();
    let netfilter = |point: &&AttachPoint| matches!(point, AttachPoint::Netfilter { .. });
    let tc = |point: &&AttachPoint| matches!(point, AttachPoint::TcIngress | AttachPoint::TcEgress);
    for point in [points.iter().find(netfilter), points.iter().find(tc)].into_iter().flatten() {
        require(*point)?;
    }
    Ok(())
}

/// Checks that programs can be attached at `attach`.
pub(crate) fn require(attach: AttachPoint) -> Result<(), Error> {
    match attach {
        AttachPoint::Netfilter { .. } => netfilter(attach),
        AttachPoint::TcIngress | AttachPoint::TcEgress | AttachPoint::Companion => tcx(attach),
        AttachPoint::Xdp
        | AttachPoint::CgroupIngress
        | AttachPoint::CgroupEgress
        | AttachPoint::Service => Ok(()),
    }
}

/// `BPF_PROG_TYPE_NETFILTER` came with Linux 6.4 and its links need
/// `CONFIG_NETFILTER_BPF_LINK`. Where even a program of an old kind is refused, that is the
/// reason to give.
fn netfilter(attach: AttachPoint) -> Result<(), Error> {
    if stubs::pass(ProgramKind::Netfilter, attach.attach_type()).is_ok() {
        return Ok(());
    }
    stubs::pass(ProgramKind::Xdp, AttachPoint::Xdp.attach_type())?;
    Err(missing(attach))
}

/// The version of the running kernel, where it says one.
pub fn running_kernel() -> Option<KernelVersion> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    release.trim().parse().ok()
}

/// That the kernel lacks what an attach point needs.
fn missing(attach: AttachPoint) -> Error {
    let (feature, since) = match kernel::attaching(attach) {
        Some(KernelFeature { since, name, with: "", .. }) => (*name, format!("Linux {since}")),
        Some(KernelFeature { since, name, with, .. }) => {
            (*name, format!("Linux {since} with {with}"))
        }
        None => ("such programs", "another one".to_owned()),
    };
    Error::Unsupported { feature, since }
}

/// Without tcx the attach type is unknown (EINVAL); with it, it is the interface (ENODEV).
fn tcx(attach: AttachPoint) -> Result<(), Error> {
    let program = stubs::pass(ProgramKind::SchedCls, 0)?;
    let target =
        LinkTarget::Tcx { ifindex: NO_INTERFACE, attach_type: attach.attach_type(), first: false };
    match Link::create(&program, target) {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Err(missing(attach)),
        _ => Ok(()),
    }
}
