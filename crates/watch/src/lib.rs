//! Keeps a filter what its rulesets say: files, and what the kernel holds. What `bpfc watch` does,
//! for daemons that link it.
//!
//! ```no_run
//! use bpfc_watch::{Event, Source, Watch};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let read = || {
//!     let bytes = bpfc_runtime::nft_dump::dump().map_err(|error| error.to_string())?;
//!     let name = "live:nft".to_owned();
//!     Ok(vec![bpfc_driver::Input { name, bytes, format: Some("nft-dump".to_owned()) }])
//! };
//! let target = bpfc_driver::target("tc").ok_or("no such target")?;
//! let options = bpfc_runtime::Options::new("web").interface("eth0");
//! let mut watch = Watch::new(vec![Source::Nftables], read, target, Default::default(), options)?;
//! let mut event = watch.load()?;
//! loop {
//!     match event {
//!         Event::Loaded(loaded) => println!("in {:?}", loaded.took),
//!         Event::Refused(compilation) => println!("{:?}", compilation.diagnostics),
//!         Event::Unloaded => return Ok(()),
//!         _ => {}
//!     }
//!     while let Some(event) = watch.next(None, None)? {
//! #       let _ = event;
//! #       break;
//!     }
//! #   event = Event::Unchanged;
//! }
//! # }
//! ```
//!
//! What holds:
//! - **The filter is the old one or the new one.** What cannot be read, compiled or loaded leaves
//!   it as it is, and is told; the next change is another attempt.
//! - **What is compiled was there as a whole.** nf_tables is read of one generation; a file that
//!   changed or was being written while it was read is read again.
//! - **Nothing is missed.** Sources are followed before they are read, so a change that comes
//!   meanwhile is the next event.
//! - Counters of rules that stay go on, and so do sets, as with [`Filter::ensure_telling`].
//! - Where devices come and go the filter is attached to those of its interfaces that came back.
//! - A filter that somebody unloads stays unloaded.

mod included;
mod source;

pub use source::Source;

use bpfc_driver::{Compilation, Input, Target, compile};
use bpfc_runtime::{Again, Changed, Changes, Error, Filter, Lost, Options};
use included::Recorder;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The rulesets decide now: nothing was loaded under the name before, or it was replaced.
    Loaded(Box<Loaded>),
    /// The rulesets are what is loaded already.
    Unchanged,
    /// A ruleset cannot be read. The filter is as it was.
    Unreadable(String),
    /// The rulesets do not compile, as the diagnostics say. The filter is as it was.
    Refused(Box<Compilation>),
    /// The kernel does not take the programs. The filter is as it was.
    Failed(Box<Error>),
    /// Devices came or went: where the filter was attached again, or is not attached any more.
    Attached(Again),
    /// Somebody has unloaded the filter.
    Unloaded,
    /// The caller's descriptor can be read.
    Own,
}

/// What was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The filter.
    pub filter: Filter,
    /// What was compiled, with its warnings.
    pub compilation: Compilation,
    /// What of the filter that was replaced was not carried over; none where none was.
    pub replaced: Option<Vec<Lost>>,
    /// From the change being told to the new rules deciding.
    pub took: Duration,
}

/// How often a load reads files that change while they are read, and how long it waits for whoever
/// is writing one.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(100);
/// How often it is looked whether the filter is still there.
const LOOK: Duration = Duration::from_secs(1);

/// A filter that follows its rulesets.
pub struct Watch {
    sources: Vec<Source>,
    read: Box<dyn FnMut() -> Result<Vec<Input>, String>>,
    target: &'static dyn Target,
    compile: bpfc_driver::Options,
    load: Options,
    included: &'static Recorder,
    changes: Changes,
    /// What was told while something else was done.
    pending: Changed,
    /// Whether the filter has been there.
    is_loaded: bool,
    /// Whether the last load failed at the kernel.
    has_failed: bool,
    /// The places where the filter was last told not to be attached.
    missing: Vec<String>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Watch {
    /// Follows `sources`, which `read` reads, for a target. Loads nothing yet. `compile.files`
    /// finds the files that rulesets include, which are followed, too; a watch and what it recorded
    /// of them stay in memory for the life of the process.
    ///
    /// # Errors
    /// Where a source cannot be followed.
    pub fn new(
        sources: Vec<Source>,
        read: impl FnMut() -> Result<Vec<Input>, String> + 'static,
        target: &'static dyn Target,
        mut compile: bpfc_driver::Options,
        load: Options,
    ) -> io::Result<Watch> {
        let included: &'static Recorder = Box::leak(Box::new(Recorder::of(compile.files)));
        compile.files = compile.files.map(|_| -> &'static dyn bpfc_ir::Files { included });
        let mut changes = Changes::new();
        changes.follow_links()?;
        for source in &sources {
            match source {
                // All of them at once.
                Source::File(_) => {}
                Source::Nftables => changes.follow_nftables()?,
                Source::Iptables(family) => changes.follow_iptables(*family),
                Source::Ipset => changes.follow_ipset(),
            }
        }
        let mut watch = Watch {
            sources,
            read: Box::new(read),
            target,
            compile,
            load,
            included,
            changes,
            pending: Changed::default(),
            is_loaded: false,
            has_failed: false,
            missing: Vec::new(),
        };
        watch.follow_files()?;
        Ok(watch)
    }

    fn follow_files(&mut self) -> io::Result<()> {
        let files: Vec<_> = self.sources.iter().filter_map(Source::file).collect();
        match files.is_empty() && self.included.is_empty() {
            true => Ok(()),
            false => self.changes.follow_files(files.into_iter().chain(self.included.followed())),
        }
    }

    /// Compiles what the rulesets say now, and loads it or replaces what is loaded. What happened
    /// is never [`Event::Attached`] or [`Event::Own`].
    ///
    /// # Errors
    /// Where the sources cannot be followed any more.
    pub fn load(&mut self) -> io::Result<Event> {
        let start = Instant::now();
        for _ in 0..ATTEMPTS {
            self.pending |= self.changes.now()?;
            if self.changes.is_being_written() {
                self.pending |= self.changes.wait(Some(PAUSE), None)?;
                self.pending |= self.changes.now()?;
            }
            // What has been told of rulesets until now is in what is read now.
            self.pending = Changed { links: self.pending.links, ..Changed::default() };
            self.included.begin();
            let compiled = (self.read)().map(|inputs| compile(&inputs, self.target, &self.compile));
            self.follow_files()?;
            let told = self.changes.now()?;
            self.pending |= told;
            if !told.files && !self.changes.is_being_written() && !self.included.is_stale() {
                return Ok(match compiled {
                    Ok(compilation) => self.apply(compilation, start),
                    Err(said) => Event::Unreadable(said),
                });
            }
        }
        Ok(Event::Unreadable("the files are being written all the time".to_owned()))
    }

    fn apply(&mut self, compilation: Compilation, start: Instant) -> Event {
        let Some(artifact) = compilation.artifact() else {
            return Event::Refused(Box::new(compilation));
        };
        self.has_failed = false;
        match Filter::open(&self.load.name) {
            // What cannot be compared is for the load to judge.
            Ok(filter) if filter.is_unchanged(artifact, &self.load).unwrap_or(false) => {
                self.is_loaded = true;
                return Event::Unchanged;
            }
            Err(Error::NotFound(_)) if self.is_loaded => return Event::Unloaded,
            _ => {}
        }
        match Filter::ensure_telling(artifact, &self.load) {
            Ok((filter, replaced)) => {
                self.is_loaded = true;
                self.missing.clear();
                let took = start.elapsed();
                Event::Loaded(Box::new(Loaded { filter, compilation, replaced, took }))
            }
            Err(error) => {
                self.has_failed = true;
                Event::Failed(Box::new(error))
            }
        }
    }

    /// Waits for a change, and does what it asks for. None where the time is over or a signal came;
    /// [`Event::Own`] as soon as `own` can be read.
    ///
    /// # Errors
    /// Where the sources cannot be followed any more.
    pub fn next(
        &mut self,
        timeout: Option<Duration>,
        own: Option<BorrowedFd<'_>>,
    ) -> io::Result<Option<Event>> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let wait = match self.pending == Changed::default() {
                true => left.map_or(LOOK, |left| left.min(LOOK)),
                false => Duration::ZERO,
            };
            let mut told = self.changes.wait(Some(wait), own)?;
            told |= std::mem::take(&mut self.pending);
            if told.own {
                self.pending = Changed { own: false, ..told };
                return Ok(Some(Event::Own));
            }
            if self.is_loaded
                && let Err(Error::NotFound(_)) = Filter::open(&self.load.name)
            {
                return Ok(Some(Event::Unloaded));
            }
            if told.links
                && let Some(event) = self.attach()
            {
                self.pending = Changed { links: false, own: false, ..told };
                return Ok(Some(event));
            }
            if told.rulesets() || (told.links && self.has_failed) {
                return self.load().map(Some);
            }
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
        }
    }

    /// Attaches the filter where it is not attached any more.
    fn attach(&mut self) -> Option<Event> {
        if !self.is_loaded {
            return None;
        }
        let again = match Filter::open(&self.load.name).and_then(|filter| filter.again()) {
            Ok(again) => again,
            Err(error) => return Some(Event::Failed(Box::new(error))),
        };
        let missing: Vec<String> =
            again.missing.iter().map(|(place, _)| place.to_string()).collect();
        let is_news = !again.attached.is_empty() || again.conntrack || missing != self.missing;
        self.missing = missing;
        is_news.then_some(Event::Attached(again))
    }
}
