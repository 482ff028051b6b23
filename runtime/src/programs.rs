//! Makes an artifact's maps and loads its programs, attached to nothing.

use crate::kconfig::PROGRAMS_READ_ONLY;
use crate::sets::{self, OldSets};
use crate::symbols::Symbols;
use crate::sys::{LoadRequest, MMAPABLE, Map, MapSpec, Program, load_btf};
use crate::{Error, clock, conntrack_table, control_groups, features, linker, sys};
use bpfc_artifact::btf::{Builder, FunctionTypes, types_of_map};
use bpfc_artifact::{Artifact, AttachPoint, MapDef, MapRole, ProgramKind};
use std::borrow::Cow;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};

/// An artifact in the kernel: maps and programs in the artifact's order.
#[derive(Debug)]
pub(crate) struct ProgramSet {
    pub maps: Vec<Map>,
    pub programs: Vec<Program>,
    /// Whether they walk conntrack's own table.
    pub walks_connections: bool,
}

impl ProgramSet {
    /// Checks the artifact, makes its maps and loads its programs. Of `kept`, the maps of the
    /// filter that it replaces, it takes over those that it has, too. Of `sets` those that it has
    /// as well stay empty until [`sets::carry`]. `table` is what [`conntrack_table::find_for`]
    /// found. It takes as long as the kernel verifies: no lock is held meanwhile.
    pub fn load(
        artifact: &Artifact,
        kept: Vec<(MapDef, Map)>,
        sets: &OldSets,
        table: Option<conntrack_table::Place>,
    ) -> Result<ProgramSet, Error> {
        linker::check(artifact)?;
        let mut kept = kept;
        let mut maps = Vec::with_capacity(artifact.maps.len());
        for def in &artifact.maps {
            let same = |(old, _): &(MapDef, Map)| def.keep && is_same(old, def);
            let map = match kept.iter().position(same) {
                Some(at) => kept.swap_remove(at).1,
                None => create_map(def)?,
            };
            if conntrack_table::is_place_of(def) {
                conntrack_table::tell(&map, table)?;
            }
            maps.push(map);
        }
        sets::fill(artifact, &maps, sets)?;
        let fds: Vec<RawFd> = maps.iter().map(|map| map.as_fd().as_raw_fd()).collect();
        let mut symbols = Symbols::default();
        let mut programs = Vec::with_capacity(artifact.programs.len());
        for program in &artifact.programs {
            let linked = linker::link(artifact, program.entry, &fds, &mut symbols)?;
            let btf = load_btf(&linked.btf.blob)
                .map_err(Error::kernel(format!("load the BTF of program {}", program.name)))?;
            let func_info = linked.btf.func_info_bytes();
            let line_info = linked.btf.line_info_bytes();
            let request = LoadRequest {
                name: &program.name,
                kind: program.attach.kind().number(),
                expected_attach_type: load_attach_type(program.attach),
                insns: &linked.insns,
                btf: Some((btf.as_fd(), &func_info, &line_info)),
                fd_array: &symbols.fd_array(),
            };
            programs.push(Program::load(&request).or_else(|failure| {
                // A missing program type is refused before there is a log.
                if failure.log.is_empty() {
                    features::require(program.attach)?;
                }
                Err(Error::verifier(&program.name, failure))
            })?);
        }
        conntrack_table::require_still(table)?;
        Ok(ProgramSet { maps, programs, walks_connections: table.is_some() })
    }
}

/// What the program type wants as `expected_attach_type` at load.
pub(crate) fn load_attach_type(attach: AttachPoint) -> u32 {
    match attach.kind() {
        ProgramKind::SchedCls => 0,
        ProgramKind::Xdp | ProgramKind::CgroupSkb | ProgramKind::Netfilter => attach.attach_type(),
    }
}

/// Whether one map can stand for another.
pub(crate) fn is_same(old: &MapDef, new: &MapDef) -> bool {
    let sizes = |map: &MapDef| {
        (map.kind, map.key_size, map.value_size, map.max_entries, map.flags, map.locked)
    };
    old.role == new.role && old.lineage == new.lineage && sizes(old) == sizes(new)
}

/// A map whose values have a lock is described to the kernel by types.
fn typed_map(def: &MapDef, spec: &MapSpec<'_>, inner: Option<&Map>) -> io::Result<Map> {
    if !def.locked {
        return Map::create(spec, inner);
    }
    let mut btf = Builder::new();
    let types = types_of_map(&mut btf, &mut FunctionTypes::new(), def);
    let btf = load_btf(&btf.finish())?;
    Map::create_typed(spec, None, Some((btf.as_fd(), types.map(|id| id.0))))
}

/// Flags besides a map's own: the state of sets is written from here while programs use it, and
/// where conntrack's table lies is a constant to programs.
fn more_flags(def: &MapDef) -> u32 {
    match &def.role {
        MapRole::Object { object, part } if object == "sets" && part == "state" => MMAPABLE,
        _ if conntrack_table::is_place_of(def) => PROGRAMS_READ_ONLY,
        _ => 0,
    }
}

fn create_map(def: &MapDef) -> Result<Map, Error> {
    let spec = MapSpec {
        name: &def.name,
        kind: def.kind.number(),
        key_size: def.key_size,
        value_size: def.value_size,
        max_entries: def.max_entries,
        flags: def.flags | more_flags(def),
    };
    let inner = def.inner.as_deref().map(create_map).transpose()?;
    let map = typed_map(def, &spec, inner.as_ref()).map_err(Error::kernel(format!(
        "create map {} ({} entries of {} bytes)",
        def.name, def.max_entries, def.value_size
    )))?;
    if def.role == MapRole::Clock {
        let [ahead, west] = [clock::atomic_seconds_ahead(), clock::seconds_west()];
        let value: Vec<u8> = [ahead, west].iter().flat_map(|number| number.to_ne_bytes()).collect();
        map.update(&[0; 4], &value).map_err(Error::kernel("tell programs the time zone"))?;
    }
    if let MapRole::ControlGroups(paths) = &def.role {
        let mut value = Vec::with_capacity(def.value_size as usize);
        for path in paths {
            let (id, level) = control_groups::resolve(path)?;
            value.extend(id.to_ne_bytes());
            value.extend(u64::from(level).to_ne_bytes());
        }
        if value.len() != def.value_size as usize {
            return Err(Error::Artifact(format!("map {} has another size", def.name)));
        }
        map.update(&[0; 4], &value).map_err(Error::kernel("tell programs the control groups"))?;
    }
    if !def.initial.is_empty() {
        let failed = Error::kernel(format!("fill map {}", def.name));
        map.update_batch(def.initial.keys(), &initial_values(def)).map_err(failed)?;
    }
    Ok(map)
}

/// The values that a map begins with, their times counted from now on.
fn initial_values(def: &MapDef) -> Cow<'_, [u8]> {
    if def.times.is_empty() {
        return Cow::Borrowed(def.initial.values());
    }
    let now = sys::clock();
    let mut values = def.initial.values().to_vec();
    for value in values.chunks_exact_mut(def.initial.sizes().1.max(1)) {
        for &at in &def.times {
            let Some(place) = value.get_mut(at as usize..).and_then(|v| v.first_chunk_mut()) else {
                continue;
            };
            match u64::from_ne_bytes(*place) {
                0 | u64::MAX => {}
                time => *place = now.wrapping_add(time).to_ne_bytes(),
            }
        }
    }
    Cow::Owned(values)
}
