//! Replacement: how one generation takes over from the other, and what is done about a process
//! that died in the middle.
//!
//! The steps, each of which leaves a filter that works:
//!
//! 1. *Fill*: the new generation is pinned beside the old one, and places that had no link get
//!    one that lets everything pass. If it stops here, the old generation decides, and what was
//!    begun is removed by the next call.
//! 2. *Commit*: the state says that the new one shall decide. From here on, whoever finds the
//!    filter so carries on; only the process that began goes back, when a link will not move.
//! 3. *Advance*: links are updated one by one, each comparing and swapping; links of places that
//!    the new one has not are detached. Trampolines have moved at the commit.
//! 4. *Settle*: when no processor runs the old programs any more, the old counts become the new
//!    one's base, the state says settled, and the old generation goes.
//!
//! Between 2 and 4 a rule's count is the sum over both generations, so no packet is lost or
//! counted twice at any moment.

use crate::conntrack;
use crate::counters;
use crate::home::{Home, Opened};
use crate::lock::Lock;
use crate::metadata::Metadata;
use crate::place::Attachment;
use crate::state::{Generation, State};
use crate::sys::{Link, Map, MapSpec, Program};
use crate::{Error, pins, stubs};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

/// Makes `target`, which is filled, the generation that decides. On failure the other one decides
/// as before.
pub(crate) fn switch(home: &Home, target: Generation) -> Result<(), Error> {
    let state = home.state.read()?;
    home.state.write(State { target, settled: false, ..state })?;
    let Err(error) = advance(home, target) else { return settle(home, target) };
    let state = home.state.read()?;
    home.state.write(State { target: target.other(), settled: false, ..state })?;
    // What fails on the way back, the next call tries again; the first reason is the one to tell.
    let _ = advance(home, target.other()).and_then(|()| settle(home, target.other()));
    Err(error)
}

/// Finishes or undoes what a process that is gone had begun. Gives false when that was a first
/// load, of which nothing is left. The caller holds the lock.
pub(crate) fn recover(home: &Home) -> Result<bool, Error> {
    let state = home.state.read()?;
    if !state.settled {
        advance(home, state.target)?;
        settle(home, state.target)?;
    } else if home.has_generation(state.target.other()) {
        tidy(home, state.target)?;
        if let Some(opened) = home.generation(state.target)?
            && !opened.metadata.needs_conntrack
        {
            let _ = opened.metadata.namespace.run(|| conntrack::disable(&home.name));
        }
    }
    Ok(home.has_generation(home.state.read()?.target))
}

/// Removes what belongs to the generation that does not decide.
pub(crate) fn tidy(home: &Home, decides: Generation) -> Result<(), Error> {
    let metadata = home.generation(decides)?.map(|opened| opened.metadata);
    release_others(home, metadata.as_ref())?;
    home.remove_generation(decides.other())
}

fn advance(home: &Home, target: Generation) -> Result<(), Error> {
    let metadata = home.generation(target)?.map(|opened| opened.metadata);
    let replaced = home.program_ids(target.other())?;
    let attachments = metadata.iter().flat_map(|metadata| &metadata.attachments);
    for attachment in attachments.filter(|found| found.pair.is_none()) {
        let Some(link) = home.link(&attachment.place.pin_name())? else { continue };
        let doing = || format!("update the link at {}", attachment.place);
        let info = link.info().map_err(Error::kernel(doing()))?;
        let missing = || Error::Artifact(format!("program {} is not pinned", attachment.program));
        let new = home.program(target, &attachment.program)?.ok_or_else(missing)?;
        let new_id = new.info().map_err(Error::kernel(doing()))?.id;
        // The interface or control group is gone, or the link has moved before.
        if info.detached || info.program == new_id {
            continue;
        }
        let old = Program::by_id(info.program).map_err(Error::kernel(doing()))?;
        let old_info = old.info().map_err(Error::kernel(doing()))?;
        if old_info.name != stubs::PASS && !replaced.contains(&info.program) {
            return Err(changed(attachment, &link));
        }
        match link.update(&old, &new) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                return Err(changed(attachment, &link));
            }
            Err(error) => return Err(Error::kernel(doing())(error)),
        }
    }
    release_others(home, metadata.as_ref())
}

/// The error for a link that holds a program of someone else's.
fn changed(attachment: &Attachment, link: &Link) -> Error {
    let program = link.info().map_or(0, |info| info.program);
    let info = Program::by_id(program).and_then(|program| program.info());
    let name = info.map_or_else(|_| "unknown".to_owned(), |info| info.name);
    Error::Changed { place: attachment.place.to_string(), program, name }
}

/// Detaches the links of places that are not this generation's.
fn release_others(home: &Home, metadata: Option<&Metadata>) -> Result<(), Error> {
    let attachments = metadata.map_or(&[][..], |metadata| &metadata.attachments);
    let kept: Vec<String> = attachments.iter().map(|found| found.place.pin_name()).collect();
    for pin in home.links()?.iter().filter(|pin| !kept.contains(pin)) {
        home.release(pin)?;
    }
    Ok(())
}

fn settle(home: &Home, target: Generation) -> Result<(), Error> {
    wait_for_programs()?;
    let mut state = home.state.read()?;
    let (own, other) = (home.generation(target)?, home.generation(target.other())?);
    if let (Some(own), Some(other)) = (&own, &other) {
        let half = &mut state.halves[target.index()];
        let base =
            counters::add(&own.base.read(*half)?, &carried(own, other, &home.state.read()?)?);
        *half = 1 - *half;
        own.base.write(*half, &base)?;
    }
    state.halves[target.other().index()] = 0;
    home.state.write(State { target, settled: true, ..state })?;
    home.remove_generation(target.other())
}

/// The counts of the generation that is on its way out, as rows of the other's rules.
pub(crate) fn carried(
    own: &Opened,
    other: &Opened,
    state: &State,
) -> Result<Vec<counters::Count>, Error> {
    let half = state.halves[state.target.other().index()];
    let counts = other.counts(half)?;
    Ok(counters::carry(&other.metadata.rules, &counts, &own.metadata.rules))
}

/// Waits until every run of a program that had begun before has ended. The kernel does so before
/// it returns from an update of a map of maps (`maybe_wait_bpf_programs`, Linux 5.0).
fn wait_for_programs() -> Result<(), Error> {
    const ARRAY: u32 = 2;
    const ARRAY_OF_MAPS: u32 = 12;
    let failed = "wait for running programs";
    let spec = |kind| MapSpec {
        name: "bpfc_wait",
        kind,
        key_size: 4,
        value_size: 4,
        max_entries: 1,
        flags: 0,
    };
    let inner = Map::create(&spec(ARRAY), None).map_err(Error::kernel(failed))?;
    let outer = Map::create(&spec(ARRAY_OF_MAPS), Some(&inner)).map_err(Error::kernel(failed))?;
    outer.update_fd(0, inner.as_fd()).map_err(Error::kernel(failed))
}

/// Removes what loads and unloads that died have left. What is locked is somebody's.
pub(crate) fn clean() -> Result<(), Error> {
    for (name, path) in pins::leftovers()? {
        if let Some(_lock) = Lock::if_free(&path)? {
            remove(&name, path)?;
        }
    }
    Ok(())
}

/// Waits for the load or unload that has this directory, and removes what it leaves if it dies.
pub(crate) fn finish(name: &str, path: &Path) -> Result<(), Error> {
    match Lock::wait(name, path)? {
        Some(_lock) => remove(name, path.to_owned()),
        None => Ok(()),
    }
}

/// Removes a filter's directory, complete or not, with all that hangs on it. The caller holds its
/// lock.
pub(crate) fn remove(name: &str, path: PathBuf) -> Result<(), Error> {
    // Where a filter has the name, conntrack is kept on for that one: this is what a load has
    // left that came too late. No load comes to have the name while this directory is there.
    let loaded = path != pins::home(name) && pins::home(name).exists();
    let Some(home) = Home::open(name, path.clone())? else {
        if !loaded {
            conntrack::disable(name).or_else(conntrack_is_off)?;
        }
        return pins::remove_tree(&path);
    };
    let mut namespace = None;
    for generation in [Generation::A, Generation::B] {
        namespace = home.namespace(generation).or(namespace);
    }
    home.remove()?;
    if loaded {
        return Ok(());
    }
    match namespace {
        Some(namespace) => namespace.run(|| conntrack::disable(name)).unwrap_or(Ok(())),
        None => conntrack::disable(name),
    }
    .or_else(conntrack_is_off)
}

/// A kernel without nf_tables has no table of ours.
fn conntrack_is_off(_: Error) -> Result<(), Error> {
    Ok(())
}
