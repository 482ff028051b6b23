//! Attaching a loaded filter again where it no longer is, without compiling.
//!
//! An interface that goes takes its links along, and somebody may detach one; the filter's
//! programs, maps and counts are still pinned. Each place that has no link gets one that runs the
//! filter's own program from its first packet on, so that nothing passes in between. What is
//! attached is not touched.
//!
//! The steps for a place, each of which leaves a filter in order if the process dies behind it:
//!
//! 1. The link is made: packets are decided.
//! 2. The metadata says the place's number, as an interface that came back has another one.
//! 3. The link is pinned. A process that dies before takes the link along, and the place is as it
//!    was.
//!
//! Pins of links that no place has any more go at the end, or with the next call.

use crate::health;
use crate::home::Home;
use crate::metadata::Metadata;
use crate::options::XdpMode;
use crate::place::Place;
use crate::places;
use crate::state::{Generation, State};
use crate::sys::Link;
use crate::{Error, Filter, conntrack, devices, routing_domains};
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

/// What [`Filter::again`] did.
#[derive(Debug, Default)]
pub struct Again {
    /// Places where the filter was attached again.
    pub attached: Vec<Place>,
    /// Places where it was and is attached.
    pub kept: Vec<Place>,
    /// Places where it is not attached, and why.
    pub missing: Vec<(Place, Error)>,
    /// True where conntrack was switched on again.
    pub conntrack: bool,
}

/// Attempts to take a place. Somebody who looks whether a netfilter hook's priority is free holds
/// it for a moment, and a link whose pin was removed goes a grace period of RCU later, which takes
/// a busy machine some tens of milliseconds.
const ATTEMPTS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

impl Filter {
    /// Attaches the filter where it is not attached any more: to an interface that came back under
    /// the same name, to a control group that was made again under the same path, or where somebody
    /// detached it. Nothing is compiled, counts go on, and what is attached stays as it is. Works
    /// in the filter's own network namespace, whoever calls it.
    ///
    /// # Errors
    /// [`Error::NamespaceLost`] where the filter's network namespace cannot be found. What is wrong
    /// with one place alone is in [`Again::missing`].
    pub fn again(&self) -> Result<Again, Error> {
        let _lock = self.lock()?;
        let (home, state) = self.settled()?;
        let missing = || Error::NotFound(self.name().to_owned());
        let metadata = home.generation(state.target)?.ok_or_else(missing)?.metadata;
        let done = metadata.namespace.run(|| attach(&home, &state, &metadata));
        done.unwrap_or_else(|| {
            if metadata.is_of_cgroups() && !metadata.needs_conntrack {
                return attach(&home, &state, &metadata);
            }
            let gone = health::namespace_is_gone(&home, &metadata)?;
            Err(Error::NamespaceLost { name: self.name().to_owned(), gone })
        })
    }
}

/// In the filter's namespace.
fn attach(home: &Home, state: &State, metadata: &Metadata) -> Result<Again, Error> {
    let mut again = Again::default();
    if metadata.needs_conntrack && !conntrack::is_on(&home.name)? {
        conntrack::enable(&home.name)?;
        again.conntrack = true;
    }
    let mut now = metadata.clone();
    for (index, attachment) in metadata.attachments.iter().enumerate() {
        if home.is_attached(attachment)? {
            again.kept.push(attachment.place.clone());
            continue;
        }
        match attach_one(home, state.target, &mut now, index) {
            Ok(()) => again.attached.push(now.attachments[index].place.clone()),
            Err(error) => again.missing.push((attachment.place.clone(), error)),
        }
    }
    let pins: Vec<String> = now.attachments.iter().map(|found| found.place.pin_name()).collect();
    for pin in home.links()?.iter().filter(|pin| !pins.contains(pin)) {
        home.release(pin)?;
    }
    if !again.attached.is_empty() {
        // Whoever reads the filter meanwhile reads it again.
        home.state.write(home.state.read()?)?;
    }
    Ok(again)
}

fn attach_one(
    home: &Home,
    generation: Generation,
    now: &mut Metadata,
    index: usize,
) -> Result<(), Error> {
    let mut attachment = now.attachments[index].clone();
    find(&mut attachment.place)?;
    let pin = attachment.place.pin_name();
    let other = now
        .attachments
        .iter()
        .enumerate()
        .find(|(other, found)| *other != index && found.place.pin_name() == pin);
    if let Some((_, other)) = other {
        return Err(Error::Occupied {
            place: attachment.place.to_string(),
            reason: format!("this filter is there already, as {}", other.place),
        });
    }
    // What has the name now may be another kind of device.
    let place = std::slice::from_ref(&attachment);
    devices::suit(&now.rules, now.asks_for_link, place)?;
    if now.follows_rules {
        routing_domains::refuse(place)?;
    }
    let chosen = now.options.xdp_mode;
    if let Place::Xdp { mode, .. } = &mut attachment.place
        && *mode == XdpMode::Native
    {
        // Another driver may have the interface now: as it was when it was loaded.
        *mode = chosen;
    }
    let link = make_link(|| home.attach(generation, &mut attachment))?;
    if attachment != now.attachments[index] {
        now.attachments[index] = attachment;
        home.write_metadata(generation, now)?;
    }
    home.pin_link(&pin, &link)
}

/// Makes a link, and tries again where somebody has the place who may be only looking.
fn make_link(mut attach: impl FnMut() -> Result<Link, Error>) -> Result<Link, Error> {
    let mut attempt = 1;
    loop {
        match attach() {
            Err(Error::Occupied { .. }) if attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
        std::thread::sleep(PAUSE);
    }
}

/// Finds what a place is called after: its number may be another one.
fn find(place: &mut Place) -> Result<(), Error> {
    match place {
        Place::Xdp { interface, ifindex, .. }
        | Place::Tc { interface, ifindex, .. }
        | Place::Companion { interface, ifindex } => {
            *ifindex = places::interface_number(interface)?;
        }
        Place::Cgroup { path, id, .. } => {
            let path = std::path::Path::new(path);
            *id = std::fs::metadata(path).map_err(Error::path(path))?.ino();
        }
        Place::Netfilter { .. } => {}
    }
    Ok(())
}
