//! Makes an artifact's maps and loads its programs, attached to nothing.

use crate::symbols::Symbols;
use crate::sys::{LoadRequest, Map, MapSpec, Program, load_btf};
use crate::{Error, features, linker};
use bpfc_artifact::{Artifact, AttachPoint, MapDef, ProgramKind};
use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};

/// An artifact in the kernel: maps and programs in the artifact's order.
#[derive(Debug)]
pub(crate) struct ProgramSet {
    pub maps: Vec<Map>,
    pub programs: Vec<Program>,
}

impl ProgramSet {
    /// Checks the artifact, makes its maps and loads its programs.
    pub fn load(artifact: &Artifact) -> Result<ProgramSet, Error> {
        linker::check(artifact)?;
        let maps = artifact.maps.iter().map(create_map).collect::<Result<Vec<_>, _>>()?;
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
        Ok(ProgramSet { maps, programs })
    }
}

/// What the program type wants as `expected_attach_type` at load.
pub(crate) fn load_attach_type(attach: AttachPoint) -> u32 {
    match attach.kind() {
        ProgramKind::SchedCls => 0,
        ProgramKind::Xdp | ProgramKind::CgroupSkb | ProgramKind::Netfilter => attach.attach_type(),
    }
}

fn create_map(def: &MapDef) -> Result<Map, Error> {
    let spec = MapSpec {
        name: &def.name,
        kind: def.kind.number(),
        key_size: def.key_size,
        value_size: def.value_size,
        max_entries: def.max_entries,
        flags: def.flags,
    };
    Map::create(&spec, None).map_err(Error::kernel(format!(
        "create map {} ({} entries of {} bytes)",
        def.name, def.max_entries, def.value_size
    )))
}
