//! Filters: what a caller loads, finds again, reads, replaces and unloads.

use crate::conntrack::Attempt;
use crate::counters::{self, Counters};
use crate::health::{self, NamespaceStatus, Problem};
use crate::home::{Home, Opened};
use crate::log::{LogLost, LogReader};
use crate::metadata::Metadata;
use crate::namespace::Namespace;
use crate::options::{Options, XdpMode};
use crate::places::{self, Attachment, Place};
use crate::programs::ProgramSet;
use crate::recent::Programs;
use crate::sets::{OldSets, SetRow};
use crate::state::{Generation, State};
use crate::sys::Map;
use crate::{Error, devices, pins, switch};
use bpfc_artifact::{Artifact, MapDef, RuleTable};
use std::sync::{Arc, Mutex, PoisonError};

/// A loaded filter. It stays when this value is dropped and when the process exits; another
/// process opens it by its name. What it consists of is pinned under `/sys/fs/bpf/bpfc/NAME`.
#[derive(Debug)]
pub struct Filter {
    name: String,
    /// The generation last read, so that reading counters every second does not parse its rules
    /// every second.
    cache: Mutex<Option<Arc<Cached>>>,
}

#[derive(Debug)]
pub(crate) struct Cached {
    /// [`Home::generation_id`].
    id: u32,
    pub(crate) opened: Opened,
    rules: Arc<RuleTable>,
}

/// A filter as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// The artifact's target.
    pub target: String,
    /// Its programs.
    pub programs: Vec<ProgramStatus>,
    /// Where they are.
    pub attachments: Vec<AttachmentStatus>,
    /// Number of rules and policies.
    pub rules: usize,
    /// True where it keeps conntrack switched on.
    pub needs_conntrack: bool,
    /// False where it should, and somebody has taken away what does; none where it need not, or where its
    /// network namespace cannot be entered.
    pub conntrack: Option<bool>,
    /// The network namespace that it was loaded in.
    pub namespace: NamespaceStatus,
}

/// A program as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramStatus {
    /// Its name.
    pub name: String,
    /// The kernel's identifier, as `bpftool prog` shows it.
    pub id: u32,
    /// Instructions after the verifier's rewriting.
    pub insns: u32,
    /// Bytes of machine code; 0 without JIT.
    pub machine_bytes: u32,
    /// Instructions that the verifier processed; Linux 5.16, 0 before.
    pub verified_insns: u32,
}

/// An attachment as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentStatus {
    /// The program and its place.
    pub attachment: Attachment,
    /// The kernel's identifier of the link, as `bpftool link` shows it.
    pub link: Option<u32>,
    /// False where the interface is gone or the link was removed by someone else.
    pub attached: bool,
    /// Why it is not attached.
    pub problem: Option<Problem>,
}

/// Attempts of a reader to see the same generation before and after reading. A replacement that
/// is alive takes milliseconds between its writes of the state.
const READ_ATTEMPTS: u32 = 1000;
const READ_PAUSE: std::time::Duration = std::time::Duration::from_millis(2);

impl Filter {
    /// Loads `artifact` as a new filter: its programs decide when this returns, and in all places
    /// at once, or nothing has changed.
    ///
    /// Needs CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN (for pins and BTF numbers), and Linux 5.9
    /// for XDP, 6.6 for tc, 6.4 for netfilter, 5.7 for cgroups.
    pub fn load(artifact: &Artifact, options: &Options) -> Result<Filter, Error> {
        pins::check_name(&options.name)?;
        pins::prepare()?;
        let _lock = pins::lock()?;
        switch::clean()?;
        let name = &options.name;
        let path = pins::home(name);
        if path.exists() {
            let found = Home::open(name, path.clone())?;
            if let Some(home) = &found
                && switch::recover(home)?
                && !has_lost_its_namespace(home)?
            {
                return Err(Error::Exists(name.clone()));
            }
            switch::remove(name, path)?;
        }
        let mut plan = places::plan(artifact, options)?;
        devices::check(artifact, &plan)?;
        let namespace = own_namespace()?;
        let mut home = Home::create(name, pins::new_home(name))?;
        let result = Attempt::begin(name, artifact.needs_conntrack).and_then(|tracking| {
            if artifact.needs_accounting {
                crate::conntrack::count()?;
            }
            let set = ProgramSet::load(artifact, Vec::new(), &OldSets::default())?;
            hold_places(&home, artifact, &mut plan, None)?;
            let metadata = Metadata::of(artifact, namespace, options, plan);
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

    fn named(name: &str) -> Filter {
        Filter { name: name.to_owned(), cache: Mutex::new(None) }
    }

    /// Whether a filter can have this name: 1 to 64 letters, digits, `_` and `-`.
    pub fn check_name(name: &str) -> Result<(), Error> {
        pins::check_name(name)
    }

    /// The filter of this name, whoever loaded it. Finishes a replacement whose process died.
    pub fn open(name: &str) -> Result<Filter, Error> {
        pins::check_name(name)?;
        if !pins::is_prepared()? {
            return Err(Error::NotFound(name.to_owned()));
        }
        let filter = Filter::named(name);
        let home = filter.home()?;
        if let Some(_lock) = pins::try_lock()?
            && !switch::recover(&home)?
        {
            switch::remove(name, pins::home(name))?;
            return Err(Error::NotFound(name.to_owned()));
        }
        Ok(filter)
    }

    /// All loaded filters, by name. Removes what loads and unloads that died have left. A filter
    /// that is not in good order is among them; its methods say what is wrong.
    pub fn list() -> Result<Vec<Filter>, Error> {
        if !pins::is_prepared()? {
            return Ok(Vec::new());
        }
        if let Some(_lock) = pins::try_lock()? {
            switch::clean()?;
        }
        let mut filters = Vec::new();
        for name in pins::names()? {
            match Filter::open(&name) {
                Ok(filter) => filters.push(filter),
                Err(Error::NotFound(_)) => {}
                Err(_) => filters.push(Filter::named(&name)),
            }
        }
        Ok(filters)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn home(&self) -> Result<Home, Error> {
        let found = Home::open(&self.name, pins::home(&self.name))?;
        found.ok_or_else(|| Error::NotFound(self.name.clone()))
    }

    /// The filter's home and state with nothing under way. The caller holds the lock.
    pub(crate) fn settled(&self) -> Result<(Home, State), Error> {
        let home = self.home()?;
        if !switch::recover(&home)? {
            return Err(Error::NotFound(self.name.clone()));
        }
        let state = home.state.read()?;
        Ok((home, state))
    }

    fn opened(&self, home: &Home, generation: Generation) -> Result<Option<Arc<Cached>>, Error> {
        let Some(id) = home.generation_id(generation)? else { return Ok(None) };
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cached) = cache.as_ref().filter(|cached| cached.id == id) {
            return Ok(Some(Arc::clone(cached)));
        }
        let Some(opened) = home.generation(generation)? else { return Ok(None) };
        let rules = Arc::new(opened.metadata.rules.clone());
        let cached = Arc::new(Cached { id, opened, rules });
        *cache = Some(Arc::clone(&cached));
        Ok(Some(cached))
    }

    /// Reads something of the generation that decides, by `read`, which may be called several
    /// times: until nothing was replaced meanwhile.
    pub(crate) fn consistently<T>(
        &self,
        read: impl Fn(&Home, &State, &Cached) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..READ_ATTEMPTS {
            let home = self.home()?;
            let state = home.state.read()?;
            if let Some(cached) = self.opened(&home, state.target)? {
                let result = read(&home, &state, &cached);
                if home.state.read()? == state {
                    return result;
                }
            }
            std::thread::sleep(READ_PAUSE);
        }
        Err(Error::Metadata {
            name: self.name.clone(),
            reason: "it is being replaced all the time".into(),
        })
    }

    /// Uses the maps that outlive a replacement, and programs by name, by `use_them`, which may be
    /// called several times: until nothing was replaced meanwhile.
    pub(crate) fn with_kept<T>(
        &self,
        use_them: impl Fn(&[(MapDef, Map)], &Programs<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.consistently(|home, state, cached| {
            let maps = home.kept(state.target, &cached.opened.metadata)?;
            use_them(&maps, &|name| {
                let program = home.program(state.target, name)?;
                program.ok_or_else(|| Error::Artifact(format!("it has no program {name}")))
            })
        })
    }

    /// The counts of all rules and policies, exact at a moment of the call. Takes no lock, and
    /// packets do not wait for it.
    pub fn counters(&self) -> Result<Counters, Error> {
        self.consistently(|home, state, cached| {
            let own = &cached.opened;
            let mut counts = own.counts(state.halves[state.target.index()])?;
            if !state.settled
                && let Some(other) = home.generation(state.target.other())?
            {
                counts = counters::add(&counts, &switch::carried(own, &other, state)?);
            }
            Ok(Counters::new(Arc::clone(&cached.rules), counts))
        })
    }

    /// Sets all counts to zero in one step and gives what they were at that moment: no packet is
    /// missing in both.
    pub fn zero(&self) -> Result<Counters, Error> {
        let _lock = pins::lock()?;
        let (home, mut state) = self.settled()?;
        let missing = || Error::NotFound(self.name.clone());
        let cached = self.opened(&home, state.target)?.ok_or_else(missing)?;
        let half = &mut state.halves[state.target.index()];
        let base = cached.opened.base.read(*half)?;
        let sums = cached.opened.sums()?;
        *half = 1 - *half;
        cached.opened.base.write(*half, &counters::negate(&sums))?;
        home.state.write(state)?;
        Ok(Counters::new(Arc::clone(&cached.rules), counters::add(&sums, &base)))
    }

    /// Replaces the filter by `artifact` with the options that it was loaded with: see
    /// [`Filter::replace_with`].
    pub fn replace(&self, artifact: &Artifact) -> Result<(), Error> {
        self.replace_by(artifact, None)
    }

    /// Replaces the filter by `artifact`, which may be attached elsewhere. At no moment does a
    /// packet pass unfiltered: on failure the old programs decide as before, and if this process
    /// dies the old ones or the new ones do. Netfilter hooks change over all at once, interfaces
    /// and cgroups one after another. Rules that are in both keep their counts.
    ///
    /// A netfilter hook that stays keeps its priority: another one is an error.
    ///
    /// To be called in the network namespace that the filter was loaded in.
    pub fn replace_with(&self, artifact: &Artifact, options: &Options) -> Result<(), Error> {
        self.replace_by(artifact, Some(options))
    }

    fn replace_by(&self, artifact: &Artifact, options: Option<&Options>) -> Result<(), Error> {
        let _lock = pins::lock()?;
        let (home, state) = self.settled()?;
        let missing = || Error::NotFound(self.name.clone());
        let old = home.generation(state.target)?.ok_or_else(missing)?.metadata;
        let namespace = own_namespace()?;
        if !namespace.is(&old.namespace) {
            let name = self.name.clone();
            return Err(match old.namespace.run(|| ()) {
                Some(()) => Error::Namespace(name),
                None => Error::NamespaceLost { name, gone: false },
            });
        }
        let options = options.unwrap_or(&old.options);
        let mut plan = places::plan(artifact, options)?;
        devices::check(artifact, &plan)?;
        places::refuse_moves(&plan, &old.attachments)?;
        let target = state.target.other();
        let switched_on = artifact.needs_conntrack && !crate::conntrack::is_on(&self.name)?;
        let tracking = Attempt::begin(&self.name, switched_on)?;
        if artifact.needs_accounting {
            crate::conntrack::count()?;
        }
        let kept = home.kept(state.target, &old)?;
        let sets = home.sets(state.target, &old)?;
        let set = ProgramSet::load(artifact, kept, &sets)?;
        let result = hold_places(&home, artifact, &mut plan, Some(&old)).and_then(|()| {
            let metadata = Metadata::of(artifact, namespace, options, plan);
            fill(&home, target, artifact, &set, &metadata)?;
            switch::switch(&home, target)
        });
        if let Err(error) = result {
            let state = home.state.read()?;
            if state.settled {
                switch::tidy(&home, state.target)?;
            }
            return Err(error);
        }
        tracking.keep();
        if old.needs_conntrack && !artifact.needs_conntrack {
            crate::conntrack::disable(&self.name)?;
        }
        Ok(())
    }

    /// A stream of what its rules log. One reader at a time: see [`LogReader`].
    pub fn log(&self) -> Result<LogReader, Error> {
        LogReader::open(&self.home()?)
    }

    /// How many log records found no room in the buffer.
    pub fn log_lost(&self) -> Result<LogLost, Error> {
        self.consistently(|home, state, _| crate::log::lost(home, state.target))
    }

    /// Its programs, places and sizes.
    pub fn status(&self) -> Result<Status, Error> {
        self.consistently(|home, state, cached| {
            let metadata = &cached.opened.metadata;
            let mut programs = Vec::with_capacity(metadata.programs.len());
            for entry in &metadata.programs {
                let missing = || Error::NotFound(self.name.clone());
                let program = home.program(state.target, &entry.name)?.ok_or_else(missing)?;
                let info = program.info().map_err(Error::kernel("ask about a program"))?;
                programs.push(ProgramStatus {
                    name: entry.name.clone(),
                    id: info.id,
                    insns: info.translated_bytes / 8,
                    machine_bytes: info.machine_bytes,
                    verified_insns: info.verified_insns,
                });
            }
            let found = health::look(home, metadata)?;
            let mut attachments = Vec::with_capacity(metadata.attachments.len());
            for (attachment, problem) in metadata.attachments.iter().zip(found.problems) {
                let link = home.link(&attachment.place.pin_name())?;
                let info = link.and_then(|link| link.info().ok());
                attachments.push(AttachmentStatus {
                    attachment: attachment.clone(),
                    link: info.map(|info| info.id),
                    attached: problem.is_none(),
                    problem,
                });
            }
            Ok(Status {
                name: self.name.clone(),
                target: metadata.target.clone(),
                programs,
                attachments,
                rules: metadata.rules.entries.len(),
                needs_conntrack: metadata.needs_conntrack,
                conntrack: found.conntrack,
                namespace: found.namespace,
            })
        })
    }

    /// Its sets, as its metadata describe them.
    pub(crate) fn set_rows(&self) -> Result<Vec<SetRow>, Error> {
        self.consistently(|_, _, cached| Ok(cached.opened.metadata.sets.clone()))
    }

    /// Detaches the filter and removes everything that it consists of. Netfilter hooks pass from
    /// the same moment on.
    pub fn unload(self) -> Result<(), Error> {
        Filter::unload_named(&self.name)
    }

    /// As [`Filter::unload`], for a filter that need not be in good order.
    pub fn unload_named(name: &str) -> Result<(), Error> {
        pins::check_name(name)?;
        let path = pins::home(name);
        if !pins::is_prepared()? {
            return Err(Error::NotFound(name.to_owned()));
        }
        let _lock = pins::lock()?;
        switch::clean()?;
        if !path.exists() {
            return Err(Error::NotFound(name.to_owned()));
        }
        pins::rename(&path, &pins::dead_home(name))?;
        switch::remove(name, pins::dead_home(name))
    }
}

/// True where nothing of a filter is attached any more, as its network namespace is gone: its name is free.
fn has_lost_its_namespace(home: &Home) -> Result<bool, Error> {
    match home.generation(home.state.read()?.target)? {
        Some(opened) => health::namespace_is_gone(home, &opened.metadata),
        None => Ok(false),
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
