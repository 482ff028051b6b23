//! One filter's directory: opening what is pinned in it, pinning what is new.
//!
//! Nothing here decides in which order things happen; that is [`crate::switch`].

use crate::counters::{self, Base, Count};
use crate::lock::Lock;
use crate::metadata::Metadata;
use crate::namespace::Namespace;
use crate::place::Attachment;
use crate::programs::{ProgramSet, load_attach_type};
use crate::sets::OldSets;
use crate::state::{Generation, State, StateMap};
use crate::sys::{Link, Map, Program, get_pinned, pin};
use crate::{Error, pins, stubs};
use bpfc_artifact::MapDef;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A filter's directory with its state open.
#[derive(Debug)]
pub(crate) struct Home {
    pub name: String,
    path: PathBuf,
    pub state: StateMap,
    pub slots: Map,
}

/// A generation that is complete.
#[derive(Debug)]
pub(crate) struct Opened {
    pub metadata: Metadata,
    counters: Option<Map>,
    pub base: Base,
}

/// Opens a pin; none where there is none.
fn open(path: &Path) -> Result<Option<OwnedFd>, Error> {
    match get_pinned(path) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::path(path)(error)),
    }
}

fn open_map(path: &Path) -> Result<Option<Map>, Error> {
    open(path)?.map(Map::from_fd).transpose().map_err(Error::path(path))
}

fn pin_at(fd: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
    pin(fd, path).map_err(Error::path(path))
}

impl Home {
    /// Fills a new directory with an empty state: everything passes.
    pub fn create(name: &str, path: PathBuf) -> Result<Home, Error> {
        pins::make_dir(&path.join("links"))?;
        let (state, slots) = (StateMap::create()?, stubs::create_slots()?);
        pin_at(state.0.as_fd(), &path.join("state"))?;
        pin_at(slots.as_fd(), &path.join("slots"))?;
        Ok(Home { name: name.to_owned(), path, state, slots })
    }

    /// Opens the directory; none where it is not, or not complete.
    pub fn open(name: &str, path: PathBuf) -> Result<Option<Home>, Error> {
        let (state, slots) = (open_map(&path.join("state"))?, open_map(&path.join("slots"))?);
        Ok(state.zip(slots).map(|(state, slots)| Home {
            name: name.to_owned(),
            path,
            state: StateMap(state),
            slots,
        }))
    }

    /// Gives the directory another name, in one step.
    pub fn rename(&mut self, path: PathBuf) -> Result<(), Error> {
        pins::rename(&self.path, &path)?;
        self.path = path;
        Ok(())
    }

    fn generation_path(&self, generation: Generation) -> PathBuf {
        self.path.join(generation.directory())
    }

    /// A generation, if it is there and complete.
    pub fn generation(&self, generation: Generation) -> Result<Option<Opened>, Error> {
        let path = self.generation_path(generation);
        let Some(map) = open_map(&path.join("metadata"))? else { return Ok(None) };
        let metadata = Metadata::read(&map, &self.name)?;
        let counters = match &metadata.counters {
            Some(name) => open_map(&path.join("maps").join(name))?,
            None => None,
        };
        let Some(base) = open_map(&path.join("base"))? else { return Ok(None) };
        let base = Base::open(base, metadata.rules.rows());
        Ok(Some(Opened { metadata, counters, base }))
    }

    /// The identifier of a generation's metadata, which no other generation ever has.
    pub fn generation_id(&self, generation: Generation) -> Result<Option<u32>, Error> {
        let path = self.generation_path(generation).join("metadata");
        let map = open_map(&path)?;
        map.map(|map| map.id().map_err(Error::path(&path))).transpose()
    }

    /// The network namespace of a generation, whichever version filled it.
    pub fn namespace(&self, generation: Generation) -> Option<Namespace> {
        let map = open_map(&self.generation_path(generation).join("metadata")).ok()??;
        Metadata::namespace_of(&map, &self.name)
    }

    /// A program of a generation.
    pub fn program(&self, generation: Generation, name: &str) -> Result<Option<Program>, Error> {
        let path = self.generation_path(generation).join("programs").join(name);
        Ok(open(&path)?.map(Program::from_fd))
    }

    /// A map of a generation, by its name.
    pub fn map(&self, generation: Generation, name: &str) -> Result<Option<Map>, Error> {
        open_map(&self.generation_path(generation).join("maps").join(name))
    }

    /// The right to read the filter's log, if nobody has it.
    pub fn lock_log(&self) -> Result<Option<Lock>, Error> {
        Lock::of_other(&self.path.join("links"))
    }

    /// The maps of a generation that outlive it.
    pub fn kept(
        &self,
        generation: Generation,
        metadata: &Metadata,
    ) -> Result<Vec<(MapDef, Map)>, Error> {
        let folder = self.generation_path(generation).join("maps");
        let mut found = Vec::with_capacity(metadata.kept.len());
        for def in &metadata.kept {
            if let Some(map) = open_map(&folder.join(&def.name))? {
                found.push((def.clone(), map));
            }
        }
        Ok(found)
    }

    /// The sets of a generation with their maps.
    pub fn sets(&self, generation: Generation, metadata: &Metadata) -> Result<OldSets, Error> {
        let mut sets = OldSets { rows: metadata.sets.clone(), ..OldSets::default() };
        for name in metadata.sets.iter().flat_map(|row| [&row.elements, &row.state]) {
            if !sets.maps.contains_key(name)
                && let Some(map) = self.map(generation, name)?
            {
                sets.maps.insert(name.clone(), map);
            }
        }
        Ok(sets)
    }

    /// The kernel's identifiers of all programs of a generation.
    pub fn program_ids(&self, generation: Generation) -> Result<Vec<u32>, Error> {
        let directory = self.generation_path(generation).join("programs");
        let mut ids = Vec::new();
        for name in pins::entries(&directory)? {
            if let Some(program) = self.program(generation, &name)? {
                ids.push(program.info().map_err(Error::path(&directory.join(name)))?.id);
            }
        }
        Ok(ids)
    }

    /// Fills a generation's directory; its metadata comes last and makes it complete.
    pub fn fill(
        &self,
        generation: Generation,
        set: &ProgramSet,
        maps: &[&str],
        metadata: &Metadata,
    ) -> Result<(), Error> {
        let path = self.generation_path(generation);
        pins::remove_tree(&path)?;
        pins::make_dir(&path)?;
        pins::make_dir(&path.join("programs"))?;
        pins::make_dir(&path.join("maps"))?;
        for (entry, program) in metadata.programs.iter().zip(&set.programs) {
            pin_at(program.as_fd(), &path.join("programs").join(&entry.name))?;
        }
        for (name, map) in maps.iter().zip(&set.maps) {
            pin_at(map.as_fd(), &path.join("maps").join(name))?;
        }
        let base = Base::create(metadata.rules.rows())?;
        base.write(0, &counters::start(&metadata.rules))?;
        pin_at(base.map().as_fd(), &path.join("base"))?;
        self.fill_slots(generation, set, metadata)?;
        pin_at(metadata.store()?.as_fd(), &path.join("metadata"))
    }

    /// Puts the programs of netfilter places where trampolines find them, once the generation
    /// decides.
    fn fill_slots(
        &self,
        generation: Generation,
        set: &ProgramSet,
        metadata: &Metadata,
    ) -> Result<(), Error> {
        self.clear_slots(generation)?;
        for attachment in &metadata.attachments {
            let Some(pair) = attachment.pair else { continue };
            let named = metadata.programs.iter().zip(&set.programs);
            for (entry, program) in named.filter(|(entry, _)| entry.name == attachment.program) {
                self.slots
                    .update_fd(2 * pair + generation.index() as u32, program.as_fd())
                    .map_err(Error::kernel(format!("put program {} in its slot", entry.name)))?;
            }
        }
        Ok(())
    }

    /// Empties the slots of a generation: its trampolines let everything pass.
    pub fn clear_slots(&self, generation: Generation) -> Result<(), Error> {
        for slot in (0..stubs::SLOTS).filter(|slot| *slot as usize % 2 == generation.index()) {
            match self.slots.delete(&slot.to_ne_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::kernel("empty a slot")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub fn remove_generation(&self, generation: Generation) -> Result<(), Error> {
        self.clear_slots(generation)?;
        pins::remove_tree(&self.generation_path(generation))
    }

    pub fn has_generation(&self, generation: Generation) -> bool {
        self.generation_path(generation).exists()
    }

    fn link_path(&self, pin: &str) -> PathBuf {
        self.path.join("links").join(pin)
    }

    /// The link of a place, if there is one.
    pub fn link(&self, pin: &str) -> Result<Option<Link>, Error> {
        Ok(open(&self.link_path(pin))?.map(Link::from_fd))
    }

    /// True where a place has a link that says that it is attached; netfilter's always do.
    pub fn has_attached_link(&self, attachment: &Attachment) -> Result<bool, Error> {
        let Some(link) = self.link(&attachment.place.pin_name())? else { return Ok(false) };
        let failed = || format!("ask for the link at {}", attachment.place);
        Ok(!link.info().map_err(Error::kernel(failed()))?.detached)
    }

    /// True where the filter is attached at a place of the calling thread's network namespace.
    pub fn is_attached(&self, attachment: &Attachment) -> Result<bool, Error> {
        Ok(self.has_attached_link(attachment)? && attachment.place.is_taken()?)
    }

    /// Attaches a generation's program, or the trampoline to it, at a place until the link is
    /// closed.
    pub fn attach(
        &self,
        generation: Generation,
        attachment: &mut Attachment,
    ) -> Result<Link, Error> {
        let program = match attachment.pair {
            Some(pair) => {
                let attach_type = load_attach_type(attachment.place.attach_point());
                stubs::trampoline(&self.state.0, &self.slots, pair, attach_type)?
            }
            None => {
                let name = &attachment.program;
                let missing = || Error::Artifact(format!("program {name} is not pinned"));
                self.program(generation, name)?.ok_or_else(missing)?
            }
        };
        attachment.place.attach(&program)
    }

    /// Pins a link, in the place of one of this name.
    pub fn pin_link(&self, pin: &str, link: &Link) -> Result<(), Error> {
        let path = self.link_path(pin);
        pins::remove_pin(&path)?;
        pin_at(link.as_fd(), &path)
    }

    /// Writes a generation's metadata anew, in one step.
    pub fn write_metadata(&self, generation: Generation, metadata: &Metadata) -> Result<(), Error> {
        let folder = self.generation_path(generation);
        let new = folder.join("metadata~new");
        pins::remove_pin(&new)?;
        pin_at(metadata.store()?.as_fd(), &new)?;
        pins::rename_over(&new, &folder.join("metadata"))
    }

    /// Names of all links.
    pub fn links(&self) -> Result<Vec<String>, Error> {
        pins::entries(&self.path.join("links"))
    }

    /// Makes a link at a place where there is none, with a program that lets everything pass, or
    /// a trampoline that does so until its slot is filled and its generation decides.
    pub fn hold(&self, attachment: &mut Attachment) -> Result<(), Error> {
        let attach = attachment.place.attach_point();
        let attach_type = load_attach_type(attach);
        let program = match attachment.pair {
            Some(pair) => stubs::trampoline(&self.state.0, &self.slots, pair, attach_type)?,
            None => stubs::pass(attach.kind(), attach_type)?,
        };
        let link = attachment.place.attach(&program)?;
        pin_at(link.as_fd(), &self.link_path(&attachment.place.pin_name()))
    }

    /// Detaches a link and removes its pin. When this returns, its program does not run.
    pub fn release(&self, pin: &str) -> Result<(), Error> {
        let path = self.link_path(pin);
        if let Some(link) = open(&path)?.map(Link::from_fd) {
            // A link whose interface or namespace is gone says so; it is detached all the same.
            let _ = link.detach();
        }
        pins::remove_pin(&path)
    }

    /// Removes the filter: first all netfilter hooks pass at once, then links go one by one. It
    /// needs no more than the directory's layout: where a later version has another kind of state,
    /// hooks go one by one, too.
    pub fn remove(self) -> Result<(), Error> {
        if let Ok(state) = self.state.read() {
            let empty = state.target.other();
            let _ = self.clear_slots(empty);
            let _ = self.state.write(State { target: empty, settled: true, ..state });
        }
        for pin in self.links()? {
            self.release(&pin)?;
        }
        pins::remove_tree(&self.path)
    }
}

impl Opened {
    /// What its programs have counted, a row a rule.
    pub fn sums(&self) -> Result<Vec<Count>, Error> {
        match &self.counters {
            Some(map) => counters::sums(map, &self.metadata.rules),
            None => Ok(vec![Count::default(); self.metadata.rules.rows()]),
        }
    }

    /// The counts of its rules, by `half` of its base.
    pub fn counts(&self, half: u8) -> Result<Vec<Count>, Error> {
        Ok(counters::add(&self.sums()?, &self.base.read(half)?))
    }
}
