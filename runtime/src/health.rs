//! Whether a filter still is where it was put.
//!
//! Programs stay loaded while they are pinned, but links come off: an interface goes and takes its
//! links along, a control group does, a network namespace takes its interfaces, somebody detaches a
//! link by its number, or `nft flush ruleset` takes the table that keeps conntrack on. Links of
//! XDP, tc and control groups then say so themselves. A netfilter link says the same before and
//! after, and it keeps its namespace alive (`bpf_nf_link_attach` in net/netfilter/nf_bpf_link.c
//! holds a reference, Linux 6.4 to 6.18); whether it is attached is asked by trying to take its
//! place, which only one can have.

use crate::home::Home;
use crate::metadata::Metadata;
use crate::namespace::Namespace;
use crate::place::{Attachment, Place};
use crate::places;
use crate::{Error, conntrack};
use std::fmt;
use std::fs;

/// Why a program does not run where it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The interface of this name is not there.
    InterfaceGone,
    /// The control group is not there.
    CgroupGone,
    /// The network namespace is not there, nor any of its interfaces.
    NamespaceGone,
    /// The place is there: it came back, or somebody has detached the program.
    Detached,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Problem::InterfaceGone | Problem::CgroupGone => "gone",
            Problem::NamespaceGone => "namespace gone",
            Problem::Detached => "detached",
        })
    }
}

/// The network namespace that a filter belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceStatus {
    /// Its name in `/run/netns`, where it has one.
    pub name: Option<String>,
    /// The inode of its file, as `ip netns identify` and `/proc/PID/ns/net` compare them.
    pub inode: u64,
    /// True where it is the caller's.
    pub own: bool,
    /// False where no name and no process leads to it. It may be there all the same: held by an
    /// open file, a mount elsewhere, or the filter's own netfilter links.
    pub found: bool,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Health {
    pub namespace: NamespaceStatus,
    /// For each attachment.
    pub problems: Vec<Option<Problem>>,
    /// Whether what keeps conntrack on is there; none where nothing does, or that cannot be seen.
    pub conntrack: Option<bool>,
}

/// Looks for a filter's places, in the filter's own network namespace.
pub(crate) fn look(home: &Home, metadata: &Metadata) -> Result<Health, Error> {
    let namespace = metadata.namespace;
    let looked = namespace.run(|| {
        let problems: Result<Vec<_>, Error> =
            metadata.attachments.iter().map(|attachment| problem(home, attachment)).collect();
        let conntrack = metadata.needs_conntrack.then(|| conntrack::is_on(&home.name)).transpose();
        Ok::<_, Error>((problems?, conntrack?))
    });
    let found = looked.is_some();
    let (problems, conntrack) = match looked {
        Some(looked) => looked?,
        None => (from_outside(home, metadata)?, None),
    };
    let own = Namespace::current().is_ok_and(|own| own.is(&namespace));
    let status = NamespaceStatus { name: namespace.name(), inode: namespace.inode(), own, found };
    Ok(Health { namespace: status, problems, conntrack })
}

/// True where the filter's network namespace is gone, and all of the filter's places with it:
/// nothing leads to the namespace, and no link is attached. One that merely cannot be found has
/// interfaces, or netfilter hooks, that links are attached to.
pub(crate) fn namespace_is_gone(home: &Home, metadata: &Metadata) -> Result<bool, Error> {
    if metadata.namespace.run(|| ()).is_some() {
        return Ok(false);
    }
    let problems = from_outside(home, metadata)?;
    Ok(!problems.is_empty() && problems.iter().all(Option::is_some))
}

/// What links themselves say, where their namespace cannot be entered.
fn from_outside(home: &Home, metadata: &Metadata) -> Result<Vec<Option<Problem>>, Error> {
    let mut detached = Vec::with_capacity(metadata.attachments.len());
    for attachment in &metadata.attachments {
        detached.push(!home.has_attached_link(attachment)?);
    }
    let all = detached.iter().all(|detached| *detached);
    let found = metadata.attachments.iter().zip(detached).map(|(attachment, detached)| {
        detached.then(|| match &attachment.place {
            Place::Cgroup { .. } => what_is_missing(attachment),
            _ if all => Problem::NamespaceGone,
            _ => Problem::Detached,
        })
    });
    Ok(found.collect())
}

fn problem(home: &Home, attachment: &Attachment) -> Result<Option<Problem>, Error> {
    Ok((!home.is_attached(attachment)?).then(|| what_is_missing(attachment)))
}

fn what_is_missing(attachment: &Attachment) -> Problem {
    match &attachment.place {
        Place::Xdp { interface, .. }
        | Place::Tc { interface, .. }
        | Place::Companion { interface, .. }
            if places::interface_number(interface).is_err() =>
        {
            Problem::InterfaceGone
        }
        Place::Cgroup { path, .. } if fs::metadata(path).is_err() => Problem::CgroupGone,
        _ => Problem::Detached,
    }
}
