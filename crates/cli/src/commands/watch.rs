//! `bpfc watch`: keeps a filter what its rulesets say.
//!
//! It ends with its filter (`bpfc unload`), or when it is told to (SIGTERM, SIGINT); the filter
//! stays then. SIGHUP has it read the rulesets once more. A supervisor that gave it
//! `NOTIFY_SOCKET` is told when the filter decides, and in words how the last change went.

use super::load::{self, JsonLost};
use crate::args::WatchArgs;
use crate::console::{Console, Failure, refused};
use crate::inputs;
use bpfc_runtime::{Again, Error, Filter, check_that_bpffs_lasts};
use bpfc_watch::{Event, Loaded, Source, Watch};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use sd_notify::NotifyState;
use serde::Serialize;
use std::os::fd::AsFd as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What happened, as `--json` prints it.
#[derive(Serialize)]
struct JsonEvent<'a> {
    /// `loaded`, `replaced`, `unchanged`, `refused`, `unreadable`, `failed`, `attached`, `unloaded`
    /// or `ended`.
    event: &'static str,
    name: &'a str,
    /// Seconds since 1970.
    time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<usize>,
    /// Where the filter is attached, or attached again.
    #[serde(skip_serializing_if = "Option::is_none")]
    places: Option<Vec<String>>,
    /// Where it is not attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<String>>,
    /// What of the filter that was replaced was not carried over.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_carried: Option<Vec<JsonLost<'a>>>,
    /// From reading the rulesets to their program deciding, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    took: Option<f64>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<'a> JsonEvent<'a> {
    fn of(event: &'static str, name: &'a str) -> JsonEvent<'a> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        JsonEvent {
            event,
            name,
            time: time.as_secs_f64(),
            rules: None,
            places: None,
            missing: None,
            not_carried: None,
            took: None,
            reason: None,
        }
    }
}

/// Who is told what happens.
struct Teller<'a> {
    name: &'a str,
    args: &'a WatchArgs,
    console: &'a Console,
}

pub(super) fn run(args: &WatchArgs, console: &Console) -> Result<(), Failure> {
    let sources = sources(&args.rulesets)?;
    let target = load::target(&args.place)?;
    let name = load::name(&args.place, &args.rulesets)?;
    let options = load::placed(&args.place, name.clone(), target.name(), &[target.kind()])?;
    let selected = load::selected(&args.selection, &args.place);
    check_that_bpffs_lasts().map_err(refused)?;
    let signals = signals()?;
    let (rulesets, selection) = (args.rulesets.clone(), args.selection.clone());
    let read = move || match inputs::read_all(&rulesets, &selection) {
        Ok(mut inputs) => {
            inputs.iter_mut().for_each(|input| load::absolute(&mut input.name));
            Ok(inputs)
        }
        Err(Failure::Refused(said) | Failure::Usage(said)) => Err(said),
        Err(Failure::Said | Failure::PipeClosed) => Err("they cannot be read".to_owned()),
    };
    let unfollowed = |error: std::io::Error| {
        Failure::Refused(format!("the rulesets cannot be followed: {error}"))
    };
    let mut watch = Watch::new(sources, read, target, selected, options).map_err(unfollowed)?;
    let teller = Teller { name: &name, args, console };
    let first = watch.load().map_err(unfollowed)?;
    let is_loaded = matches!(first, Event::Loaded(_) | Event::Unchanged);
    teller.tell(first)?;
    if !is_loaded {
        // What was there before decides on; nobody would notice a watch that never had a filter.
        return Err(Failure::Said);
    }
    notify(&[NotifyState::Ready]);
    let alive = sd_notify::watchdog_enabled().map(|time| time / 2);
    loop {
        let event = watch.next(alive, Some(signals.as_fd())).map_err(unfollowed)?;
        if alive.is_some() {
            notify(&[NotifyState::Watchdog]);
        }
        match event {
            None => {}
            Some(Event::Own) => match signals.read_signal() {
                Ok(Some(signal)) if signal.ssi_signo == Signal::SIGHUP as u32 => {
                    let event = watch.load().map_err(unfollowed)?;
                    teller.tell(event)?;
                }
                Ok(Some(_)) => {
                    notify(&[NotifyState::Stopping]);
                    return teller.end("ended", format!("the filter stays: {name}\n"));
                }
                Ok(None) | Err(_) => {}
            },
            Some(Event::Unloaded) => {
                notify(&[NotifyState::Stopping]);
                return teller.end("unloaded", format!("{name} was unloaded\n"));
            }
            Some(event) => teller.tell(event)?,
        }
    }
}

/// What is to be followed.
fn sources(rulesets: &[String]) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    for word in rulesets {
        let source = Source::of(word).ok_or_else(|| {
            Failure::Usage(format!(
                "'{word}' cannot be followed: a file, live:nft, live:iptables, live:ip6tables or live:ipset can"
            ))
        })?;
        let is_legacy = matches!(source, Source::Iptables(_));
        sources.push(source);
        // Their sets are read beside them.
        if is_legacy && !sources.contains(&Source::Ipset) {
            sources.push(Source::Ipset);
        }
    }
    sources.dedup();
    Ok(sources)
}

/// The signals that are read, not acted upon by the kernel.
fn signals() -> Result<SignalFd, Failure> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        set.add(signal);
    }
    set.thread_block()
        .and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK))
        .map_err(|error| Failure::Refused(format!("signals cannot be read: {error}")))
}

/// Tells the supervisor, if there is one.
fn notify(state: &[NotifyState<'_>]) {
    // Who does not listen is not told.
    let _ = sd_notify::notify(state);
}

fn seconds(took: Duration) -> String {
    format!("{:.3} s", took.as_secs_f64())
}

impl Teller<'_> {
    fn tell(&self, event: Event) -> Result<(), Failure> {
        match event {
            Event::Loaded(loaded) => self.loaded(&loaded),
            Event::Unchanged => self.print(JsonEvent::of("unchanged", self.name), || {
                format!("unchanged {}\n", self.name)
            }),
            Event::Unreadable(said) => self.stays("unreadable", &said),
            Event::Refused(compilation) => {
                let (diagnostics, sources) = (&compilation.diagnostics, &compilation.sources);
                self.console.report_errors(diagnostics, sources, self.args.place.warnings);
                self.stays("refused", "the rulesets do not compile")
            }
            Event::Failed(error) => {
                let said = match refused(*error) {
                    Failure::Refused(said) | Failure::Usage(said) => said,
                    Failure::Said | Failure::PipeClosed => "the kernel said no".to_owned(),
                };
                self.stays("failed", &said)
            }
            Event::Attached(again) => self.attached(&again),
            Event::Unloaded => self.stays("unloaded", "it was unloaded"),
            Event::Own => Ok(()),
        }
    }

    /// A line for people, or an object for programs.
    fn print(&self, json: JsonEvent<'_>, text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.args.place.json {
            true => self.console.print_json(&json),
            false => self.console.done(&text()),
        }
    }

    fn loaded(&self, loaded: &Loaded) -> Result<(), Failure> {
        let Loaded { filter, compilation, replaced, took } = loaded;
        let (diagnostics, sources) = (&compilation.diagnostics, &compilation.sources);
        self.console.report_errors(diagnostics, sources, self.args.place.warnings);
        let status = match filter.status() {
            Ok(status) => status,
            // The next event tells.
            Err(Error::NotFound(_)) => return Ok(()),
            Err(error) => return Err(refused(error)),
        };
        if replaced.is_none()
            && let Some(artifact) = compilation.artifact()
        {
            load::caution(artifact, &status, self.console);
        }
        let places = load::attached(&status);
        let done = if replaced.is_some() { "replaced" } else { "loaded" };
        let lost = replaced.as_deref().unwrap_or_default();
        self.status(&format!("{done} in {}", seconds(*took)));
        let json = JsonEvent {
            rules: compilation.artifact().map(|made| super::status::rule_count(&made.rules)),
            places: Some(places.clone()),
            not_carried: Some(lost.iter().map(JsonLost::of).collect()),
            took: Some(took.as_secs_f64()),
            ..JsonEvent::of(done, self.name)
        };
        self.print(json, || {
            let list = match replaced {
                None => load::lines(&places),
                Some(_) => String::new(),
            };
            let lost = load::not_carried(lost);
            format!("{done} {} in {}\n{list}{lost}", self.name, seconds(*took))
        })
    }

    fn attached(&self, again: &Again) -> Result<(), Failure> {
        let places = load::named(&again.attached);
        let missing: Vec<String> =
            again.missing.iter().map(|(place, error)| format!("{place}: {error}")).collect();
        let json = JsonEvent {
            places: Some(places.clone()),
            missing: Some(missing.clone()),
            ..JsonEvent::of("attached", self.name)
        };
        self.status(match missing.is_empty() {
            true => "attached",
            false => "not attached everywhere",
        });
        if !self.args.place.json {
            for missing in &missing {
                self.console.warning(&format!("{} is not attached to {missing}", self.name));
            }
            if places.is_empty() {
                return Ok(());
            }
        }
        self.print(json, || format!("attached {}\n{}", self.name, load::lines(&places)))
    }

    /// Nothing was done, and why.
    fn stays(&self, event: &'static str, said: &str) -> Result<(), Failure> {
        self.status(&format!("{event}: {said}"));
        let stays = match Filter::open(self.name) {
            Ok(_) => format!("{} stays as it is", self.name),
            Err(_) => format!("there is no filter {}", self.name),
        };
        self.console.failure(&format!("{said}; {stays}"));
        match self.args.place.json {
            true => {
                let reason = Some(said.to_owned());
                self.console.print_json(&JsonEvent { reason, ..JsonEvent::of(event, self.name) })
            }
            false => Ok(()),
        }
    }

    /// The last event, and its line for people.
    fn end(&self, event: &'static str, line: String) -> Result<(), Failure> {
        self.print(JsonEvent::of(event, self.name), || line)
    }

    /// What a supervisor shows.
    fn status(&self, said: &str) {
        let line: String = said.lines().next().unwrap_or_default().to_owned();
        notify(&[NotifyState::Status(&line)]);
    }
}
