//! Filters: what a caller loads, finds again, reads, replaces and unloads.

use crate::counters::{self, Counters};
use crate::health::{self, NamespaceStatus, Problem};
use crate::home::{Home, Opened};
use crate::lock::Lock;
use crate::log::{LogLost, LogReader};
use crate::metadata::Loaded;
use crate::place::Attachment;
use crate::recent::Programs;
use crate::sets::SetRow;
use crate::state::{Generation, State};
use crate::sys::Map;
use crate::{Error, pins, switch};
use bpfc_artifact::{InputFile, MapDef, RuleTable};
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
    /// Where those that decide are.
    pub attachments: Vec<AttachmentStatus>,
    /// Where companions are, which note what the others want to know.
    pub companions: Vec<AttachmentStatus>,
    /// True where its programs find connections of protocols other than TCP and UDP in conntrack's
    /// own table, so that they need no companions.
    pub walks_connections: bool,
    /// Number of rules and policies.
    pub rules: usize,
    /// True where it keeps conntrack switched on.
    pub needs_conntrack: bool,
    /// False where it should, and somebody has taken away what does; none where it need not, or
    /// where its network namespace cannot be entered.
    pub conntrack: Option<bool>,
    /// The network namespace that it was loaded in.
    pub namespace: NamespaceStatus,
    /// When it was loaded or last replaced, and by which version; none where an earlier version did
    /// it, which does not say.
    pub loaded: Option<Loaded>,
    /// What it was compiled from; empty where the artifact does not say.
    pub inputs: Vec<InputFile>,
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
    pub(crate) fn named(name: &str) -> Filter {
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
        let lock = Lock::if_free(&pins::home(name))?;
        let home = filter.home()?;
        if lock.is_some() && !switch::recover(&home)? {
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
        switch::clean()?;
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

    /// Waits for the right to change it.
    pub(crate) fn lock(&self) -> Result<Lock, Error> {
        let lock = Lock::wait(&self.name, &pins::home(&self.name))?;
        lock.ok_or_else(|| Error::NotFound(self.name.clone()))
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
        let _lock = self.lock()?;
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
            let (companions, attachments) =
                attachments.into_iter().partition(|found| found.attachment.place.is_companion());
            Ok(Status {
                name: self.name.clone(),
                target: metadata.target.clone(),
                programs,
                attachments,
                companions,
                walks_connections: metadata.walks_connections,
                rules: metadata.rules.entries.len(),
                needs_conntrack: metadata.needs_conntrack,
                conntrack: found.conntrack,
                namespace: found.namespace,
                loaded: metadata.loaded.clone(),
                inputs: metadata.inputs.clone(),
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
        if !pins::is_prepared()? {
            return Err(Error::NotFound(name.to_owned()));
        }
        switch::clean()?;
        let (path, dead) = (pins::home(name), pins::dead_home(name));
        let _lock = Filter::named(name).lock()?;
        switch::finish(name, &dead)?;
        pins::rename(&path, &dead)?;
        switch::remove(name, dead)
    }
}
