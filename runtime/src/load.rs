//! Loading a filter and replacing it: the way from an artifact to programs that decide.
//!
//! The kernel may verify programs for seconds, so that no lock is held meanwhile. What the programs
//! are made for is read before (the generation that they shall replace, whose maps they take over),
//! and when they are loaded and the filter is locked it must still be there. If somebody else has
//! replaced the filter, everything is done again for what is there now. So of two replacements the
//! one that switches last wins, whichever began first, and it has taken over what the other left:
//! no counter and no element of a set is lost between them.
//!
//! What changes without a new generation is read again under the lock: counts, which only the
//! switch reads, and the sets ([`crate::sets::carry`]), whose elements come and go.

use crate::carried::{self, Lost};
use crate::conntrack::{self, Attempt};
use crate::home::Home;
use crate::lock::Lock;
use crate::metadata::Metadata;
use crate::namespace::Namespace;
use crate::options::{Options, XdpMode};
use crate::place::{Attachment, Place};
use crate::places;
use crate::programs::ProgramSet;
use crate::sets::{self, OldSets};
use crate::state::Generation;
use crate::sys::Map;
use crate::{Error, Filter, conntrack_table, devices, features, health, pins, rates, switch};
use bpfc_artifact::{Artifact, MapDef};
use std::path::PathBuf;

/// How often a replacement begins, where others are quicker each time.
const ATTEMPTS: u32 = 5;

/// What a replacement is made for.
struct Before {
    /// [`Home::generation_id`].
    id: u32,
    metadata: Metadata,
    kept: Vec<(MapDef, Map)>,
    sets: OldSets,
}

impl Filter {
    /// Loads `artifact` as a new filter: its programs decide when this returns, and in all places
    /// at once, or nothing has changed.
    ///
    /// Needs CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN (for pins and BTF numbers), and Linux 5.9
    /// for XDP, 6.6 for tc, 6.4 for netfilter, 5.7 for cgroups.
    pub fn load(artifact: &Artifact, options: &Options) -> Result<Filter, Error> {
        pins::check_name(&options.name)?;
        pins::prepare()?;
        switch::clean()?;
        let name = &options.name;
        refuse_loaded(name)?;
        if artifact.needs_conntrack {
            conntrack::provide()?;
        }
        let table = conntrack_table::find_for(artifact);
        let artifact = &*places::supported(artifact, table.is_some());
        let mut plan = places::plan(artifact, options)?;
        devices::check(artifact, &plan)?;
        features::check(&plan)?;
        rates::check(artifact)?;
        let namespace = own_namespace()?;
        let set = ProgramSet::load(artifact, Vec::new(), &OldSets::default(), table)?;
        let (_lock, path) = claim(name)?;
        let mut home = Home::create(name, path)?;
        let result = Attempt::begin(name, artifact.needs_conntrack).and_then(|tracking| {
            if artifact.needs_accounting {
                conntrack::count()?;
            }
            hold_places(&home, artifact, &mut plan, None)?;
            let mut metadata = Metadata::of(artifact, namespace, options, plan);
            metadata.walks_connections = set.walks_connections;
            fill(&home, Generation::A, artifact, &set, &metadata)?;
            home.rename(pins::home(name))?;
            switch::switch(&home, Generation::A)?;
            tracking.keep();
            Ok(())
        });
        if let Err(error) = result {
            home.remove()?;
            return Err(error);
        }
        Ok(Filter::named(name))
    }

    /// Replaces the filter by `artifact` with the options that it was loaded with: see
    /// [`Filter::replace_with`].
    pub fn replace(&self, artifact: &Artifact) -> Result<(), Error> {
        self.replace_by(artifact, None).map(drop)
    }

    /// Replaces the filter by `artifact`, which may be attached elsewhere. At no moment does a
    /// packet pass unfiltered: on failure the old programs decide as before, and if this process
    /// dies the old ones or the new ones do. Netfilter hooks change over all at once, interfaces
    /// and cgroups one after another. Rules that are in both keep their counts.
    ///
    /// A netfilter hook that stays keeps its priority: another one is an error.
    ///
    /// Others may change the filter while the kernel verifies the programs. Where one of them has
    /// replaced it, this begins again with what is there then: the last one to switch wins.
    ///
    /// To be called in the network namespace that the filter was loaded in.
    ///
    /// # Errors
    /// [`Error::Overtaken`] where others have replaced it again and again meanwhile.
    pub fn replace_with(&self, artifact: &Artifact, options: &Options) -> Result<(), Error> {
        self.replace_telling(artifact, options).map(drop)
    }

    /// As [`Filter::replace_with`]; tells what of the filter was not carried over.
    ///
    /// # Errors
    /// As of [`Filter::replace_with`].
    pub fn replace_telling(
        &self,
        artifact: &Artifact,
        options: &Options,
    ) -> Result<Vec<Lost>, Error> {
        self.replace_by(artifact, Some(options))
    }

    fn replace_by(
        &self,
        artifact: &Artifact,
        options: Option<&Options>,
    ) -> Result<Vec<Lost>, Error> {
        let namespace = own_namespace()?;
        for _ in 0..ATTEMPTS {
            let before = self.before()?;
            let old = &before.metadata;
            if !namespace.is(&old.namespace) {
                let name = self.name().to_owned();
                return Err(match old.namespace.run(|| ()) {
                    Some(()) => Error::Namespace(name),
                    None => Error::NamespaceLost { name, gone: false },
                });
            }
            let options = options.unwrap_or(&old.options);
            if artifact.needs_conntrack {
                conntrack::provide()?;
            }
            let table = conntrack_table::find_for(artifact);
            let artifact = &*places::supported(artifact, table.is_some());
            let plan = places::plan(artifact, options)?;
            devices::check(artifact, &plan)?;
            features::check(&plan)?;
            rates::check(artifact)?;
            places::refuse_moves(&plan, &old.attachments)?;
            let set = ProgramSet::load(artifact, before.kept, &before.sets, table)?;
            let _lock = self.lock()?;
            let (home, state) = self.settled()?;
            if home.generation_id(state.target)? != Some(before.id) {
                continue;
            }
            sets::carry(artifact, &set.maps, &before.sets)?;
            let mut lost = carried::lost(&home, &state, old, &before.sets, artifact)?;
            if set.walks_connections {
                // Conntrack's own table has them.
                lost.retain(|lost| !matches!(lost, Lost::Connections { .. }));
            }
            return take_over(&home, artifact, &set, old, options, plan).map(|()| lost);
        }
        Err(Error::Overtaken { name: self.name().to_owned(), attempts: ATTEMPTS })
    }

    /// The generation that decides, with what a replacement takes over.
    fn before(&self) -> Result<Before, Error> {
        let _lock = self.lock()?;
        let (home, state) = self.settled()?;
        let missing = || Error::NotFound(self.name().to_owned());
        let id = home.generation_id(state.target)?.ok_or_else(missing)?;
        let metadata = home.generation(state.target)?.ok_or_else(missing)?.metadata;
        let kept = home.kept(state.target, &metadata)?;
        let sets = home.sets(state.target, &metadata)?;
        Ok(Before { id, metadata, kept, sets })
    }
}

/// Puts programs that are loaded in the place of a filter's. The caller holds the lock, and `old`
/// decides.
fn take_over(
    home: &Home,
    artifact: &Artifact,
    set: &ProgramSet,
    old: &Metadata,
    options: &Options,
    mut plan: Vec<Attachment>,
) -> Result<(), Error> {
    let target = home.state.read()?.target.other();
    let switched_on = artifact.needs_conntrack && !conntrack::is_on(&home.name)?;
    let tracking = Attempt::begin(&home.name, switched_on)?;
    if artifact.needs_accounting {
        conntrack::count()?;
    }
    let result = hold_places(home, artifact, &mut plan, Some(old)).and_then(|()| {
        let mut metadata = Metadata::of(artifact, own_namespace()?, options, plan);
        metadata.walks_connections = set.walks_connections;
        fill(home, target, artifact, set, &metadata)?;
        switch::switch(home, target)
    });
    if let Err(error) = result {
        let state = home.state.read()?;
        if state.settled {
            switch::tidy(home, state.target)?;
        }
        return Err(error);
    }
    tracking.keep();
    if old.needs_conntrack && !artifact.needs_conntrack {
        conntrack::disable(&home.name)?;
    }
    Ok(())
}

/// An error where a filter has this name. What a load that died has left there is removed.
fn refuse_loaded(name: &str) -> Result<(), Error> {
    let path = pins::home(name);
    let Some(_lock) = Lock::wait(name, &path)? else { return Ok(()) };
    let found = Home::open(name, path.clone())?;
    if let Some(home) = &found
        && switch::recover(home)?
        && !has_lost_its_namespace(home)?
    {
        return Err(Error::Exists(name.to_owned()));
    }
    switch::remove(name, path)
}

/// True where nothing of a filter is attached any more, as its network namespace is gone: its name
/// is free.
fn has_lost_its_namespace(home: &Home) -> Result<bool, Error> {
    match home.generation(home.state.read()?.target) {
        Ok(Some(opened)) => health::namespace_is_gone(home, &opened.metadata),
        // What cannot be read is not known to be gone.
        Err(Error::Newer { .. } | Error::Metadata { .. }) | Ok(None) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the directory where the filter of a name grows. Who has it holds the lock of the filter
/// that comes of it.
fn claim(name: &str) -> Result<(Lock, PathBuf), Error> {
    let path = pins::new_home(name);
    loop {
        let Some(lock) = Lock::create(name, &path)? else {
            // A load that is under way, or what one that died has left.
            switch::finish(name, &path)?;
            continue;
        };
        if pins::home(name).exists() {
            pins::remove_tree(&path)?;
            return Err(Error::Exists(name.to_owned()));
        }
        switch::finish(name, &pins::dead_home(name))?;
        return Ok((lock, path));
    }
}

fn own_namespace() -> Result<Namespace, Error> {
    Namespace::current().map_err(Error::kernel("find out the network namespace"))
}

/// Sees to it that every place of the plan has a link. A link that is there stays; XDP's mode is
/// then the one that it has.
fn hold_places(
    home: &Home,
    artifact: &Artifact,
    plan: &mut [Attachment],
    old: Option<&Metadata>,
) -> Result<(), Error> {
    places::assign_pairs(plan, old.map_or(&[], |old| &old.attachments))?;
    for attachment in plan {
        let pin = attachment.place.pin_name();
        if let Some(link) = home.link(&pin)? {
            if link.info().is_ok_and(|info| !info.detached) && attachment.place.is_taken()? {
                keep_mode(&mut attachment.place, old)?;
                continue;
            }
            home.release(&pin)?;
        }
        attachment.place.choose_mode(artifact.sends)?;
        home.hold(attachment)?;
    }
    Ok(())
}

fn keep_mode(place: &mut Place, old: Option<&Metadata>) -> Result<(), Error> {
    let pin = place.pin_name();
    let Place::Xdp { mode, interface, .. } = place else { return Ok(()) };
    let places = old.iter().flat_map(|old| &old.attachments).map(|found| &found.place);
    for there in places.filter(|there| there.pin_name() == pin) {
        let Place::Xdp { mode: has, .. } = there else { continue };
        if *mode != XdpMode::Auto && mode != has {
            return Err(Error::Options(format!(
                "XDP on {interface} is {has} and cannot become {mode} in place: unload the filter \
                 first"
            )));
        }
        *mode = *has;
    }
    Ok(())
}

fn fill(
    home: &Home,
    generation: Generation,
    artifact: &Artifact,
    set: &ProgramSet,
    metadata: &Metadata,
) -> Result<(), Error> {
    let maps: Vec<&str> = artifact.maps.iter().map(|map| map.name.as_str()).collect();
    home.fill(generation, set, &maps, metadata)
}
