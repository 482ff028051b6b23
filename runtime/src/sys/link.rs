//! Links: a program's attachment as an object that can be pinned, updated and detached.

use super::{Program, attr, bpf, bpf_fd, object};
use aya_obj::generated::{bpf_cmd, bpf_link_info, bpf_link_type};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

/// `BPF_XDP`.
const ATTACH_XDP: u32 = 37;
/// `BPF_NETFILTER`.
const ATTACH_NETFILTER: u32 = 45;
/// `BPF_F_REPLACE`: the link must still hold the old program.
const REPLACE: u32 = 1 << 2;

/// `BPF_F_BEFORE`, of no program in particular: in front of all.
const BEFORE: u32 = 1 << 3;

/// `XDP_FLAGS_*` (include/uapi/linux/if_link.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpFlags {
    /// `XDP_FLAGS_SKB_MODE`: in the network stack, any interface.
    Generic = 1 << 1,
    /// `XDP_FLAGS_DRV_MODE`: in the driver.
    Native = 1 << 2,
}

/// Where a link is made.
#[derive(Clone, Copy, Debug)]
pub enum LinkTarget<'a> {
    /// XDP on an interface; Linux 5.9.
    Xdp {
        /// The interface.
        ifindex: u32,
        /// Where it runs.
        flags: XdpFlags,
    },
    /// tcx on an interface, behind the programs that are there or in front of them; Linux 6.6.
    Tcx {
        /// The interface.
        ifindex: u32,
        /// `BPF_TCX_INGRESS` or `BPF_TCX_EGRESS`.
        attach_type: u32,
        /// Whether in front of all.
        first: bool,
    },
    /// A netfilter hook of this network namespace; Linux 6.4.
    Netfilter {
        /// `NFPROTO_IPV4` (2) or `NFPROTO_IPV6` (10).
        family: u32,
        /// `NF_INET_*`, 0 to 4.
        hook: u32,
        /// Ascending order of calls.
        priority: i32,
    },
    /// A cgroup's traffic, together with other programs there; Linux 5.7.
    Cgroup {
        /// The cgroup's directory.
        directory: BorrowedFd<'a>,
        /// `BPF_CGROUP_INET_INGRESS` or `BPF_CGROUP_INET_EGRESS`.
        attach_type: u32,
    },
}

/// An open link.
#[derive(Debug)]
pub struct Link {
    fd: OwnedFd,
}

/// What the kernel says of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Identifier, as `bpftool link` shows it.
    pub id: u32,
    /// Identifier of its program.
    pub program: u32,
    /// The interface of an XDP or tcx link, 0 when it is gone; none for other links.
    pub ifindex: Option<u32>,
    /// True where the link itself says that it is attached nowhere: its interface or cgroup is
    /// gone, or it was detached. A netfilter link never says so.
    pub detached: bool,
}

impl Link {
    /// `BPF_LINK_CREATE`.
    pub fn create(program: &Program, target: LinkTarget<'_>) -> io::Result<Link> {
        let mut attr = attr();
        attr.link_create.__bindgen_anon_1.prog_fd = program.as_fd().as_raw_fd() as u32;
        match target {
            LinkTarget::Xdp { ifindex, flags } => {
                attr.link_create.__bindgen_anon_2.target_ifindex = ifindex;
                attr.link_create.attach_type = ATTACH_XDP;
                attr.link_create.flags = flags as u32;
            }
            LinkTarget::Tcx { ifindex, attach_type, first } => {
                if first {
                    attr.link_create.flags = BEFORE;
                }
                attr.link_create.__bindgen_anon_2.target_ifindex = ifindex;
                attr.link_create.attach_type = attach_type;
            }
            LinkTarget::Netfilter { family, hook, priority } => {
                attr.link_create.attach_type = ATTACH_NETFILTER;
                attr.link_create.__bindgen_anon_3.netfilter.pf = family;
                attr.link_create.__bindgen_anon_3.netfilter.hooknum = hook;
                attr.link_create.__bindgen_anon_3.netfilter.priority = priority;
            }
            LinkTarget::Cgroup { directory, attach_type } => {
                attr.link_create.__bindgen_anon_2.target_fd = directory.as_raw_fd() as u32;
                attr.link_create.attach_type = attach_type;
            }
        }
        // SAFETY: for these attach types the attributes hold no pointers; the command returns a
        // file descriptor.
        let fd = unsafe { bpf_fd(bpf_cmd::BPF_LINK_CREATE, &mut attr)? };
        Ok(Link { fd })
    }

    /// The link behind a file descriptor.
    pub fn from_fd(fd: OwnedFd) -> Link {
        Link { fd }
    }

    /// `BPF_LINK_UPDATE` with `BPF_F_REPLACE`: `new` in the place of `old`, in one step and only
    /// if `old` is what the link holds. Not for netfilter links (EOPNOTSUPP).
    pub fn update(&self, old: &Program, new: &Program) -> io::Result<()> {
        let mut attr = attr();
        attr.link_update.link_fd = self.fd.as_raw_fd() as u32;
        attr.link_update.__bindgen_anon_1.new_prog_fd = new.as_fd().as_raw_fd() as u32;
        attr.link_update.__bindgen_anon_2.old_prog_fd = old.as_fd().as_raw_fd() as u32;
        attr.link_update.flags = REPLACE;
        // SAFETY: the attributes hold no pointers.
        unsafe { bpf(bpf_cmd::BPF_LINK_UPDATE, &mut attr)? };
        Ok(())
    }

    /// `BPF_LINK_DETACH` (Linux 5.9): the program no longer runs when this returns, whoever else
    /// holds the link.
    pub fn detach(&self) -> io::Result<()> {
        let mut attr = attr();
        attr.link_detach.link_fd = self.fd.as_raw_fd() as u32;
        // SAFETY: the attributes hold no pointers.
        unsafe { bpf(bpf_cmd::BPF_LINK_DETACH, &mut attr)? };
        Ok(())
    }

    /// What the kernel says of it.
    pub fn info(&self) -> io::Result<LinkInfo> {
        // SAFETY: `bpf_link_info` consists of integers; for these kinds of links the kernel takes
        // no pointer from it.
        let info = unsafe {
            let mut info: bpf_link_info = std::mem::zeroed();
            object::info(self.fd.as_fd(), &mut info)?;
            info
        };
        let ifindex = if info.type_ == bpf_link_type::BPF_LINK_TYPE_XDP as u32 {
            // SAFETY: the type says that this is the member; it is an integer.
            Some(unsafe { info.__bindgen_anon_1.xdp.ifindex })
        } else if info.type_ == bpf_link_type::BPF_LINK_TYPE_TCX as u32 {
            // SAFETY: as above.
            Some(unsafe { info.__bindgen_anon_1.tcx.ifindex })
        } else {
            None
        };
        let is_cgroup = info.type_ == bpf_link_type::BPF_LINK_TYPE_CGROUP as u32;
        // SAFETY: the type says that this is the member; it is an integer.
        let no_cgroup = is_cgroup && unsafe { info.__bindgen_anon_1.cgroup.cgroup_id } == 0;
        let detached = ifindex == Some(0) || no_cgroup;
        Ok(LinkInfo { id: info.id, program: info.prog_id, ifindex, detached })
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
