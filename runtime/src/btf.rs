//! Lookups in the kernel's own BTF: functions and structure members by name.
//!
//! A program may call a kernel function and read a kernel structure only by the numbers and
//! offsets of the running kernel. vmlinux is `/sys/kernel/btf/vmlinux` (Linux 5.4); modules have a
//! file each beside it (Linux 5.11), read only when vmlinux lacks a function, since a machine has
//! hundreds.
//!
//! `struct nf_conn` is not looked up by name: several types of that name may exist where a part of
//! the kernel was compiled with another view of it. What counts is the one that
//! `bpf_ct_release` takes.

mod blob;

use blob::{Blob, kind};
use bpfc_artifact::{KernelFeature, KernelField, kernel};
use std::path::Path;
use std::{fs, io};

const DIRECTORY: &str = "/sys/kernel/btf";
/// Types may nest this deep before a lookup takes them for a loop.
const DEPTH: u32 = 32;

/// Why a lookup failed.
#[derive(Debug, thiserror::Error)]
pub enum BtfError {
    /// vmlinux's BTF could not be read: a kernel without `CONFIG_DEBUG_INFO_BTF`, or a sandbox
    /// that hides `/sys/kernel/btf`.
    #[error(
        "cannot read the kernel's BTF, {path}: {source} (the kernel needs CONFIG_DEBUG_INFO_BTF)"
    )]
    Read {
        /// The file.
        path: String,
        /// What reading it said.
        source: io::Error,
    },
    /// A blob's bytes are not BTF.
    #[error("the kernel's BTF is malformed: {0}")]
    Malformed(&'static str),
    /// No such function in vmlinux or a loaded module.
    #[error("this kernel has no function {name}{}", since(.name))]
    NoFunction {
        /// Its name.
        name: String,
    },
    /// No such structure.
    #[error("this kernel's BTF has no structure {0}")]
    NoStructure(String),
    /// The structure has no such member.
    #[error("this kernel's structure {structure} has no member {member}{}", member_since(.structure, .member))]
    NoMember {
        /// The structure.
        structure: String,
        /// The member sought.
        member: String,
    },
    /// The enumeration has no such enumerator: the kernel was built without what it stands for.
    #[error("this kernel's enumeration {enumeration} has no {enumerator}{}", option(.enumerator))]
    NoEnumerator {
        /// The enumeration.
        enumeration: String,
        /// The enumerator sought.
        enumerator: String,
    },
    /// Several structures of one name disagree.
    #[error("this kernel has several structures {structure} that place {member} differently")]
    Ambiguous {
        /// The structure.
        structure: String,
        /// The member sought.
        member: String,
    },
    /// The member is a bit field, which has no byte offset.
    #[error("{structure}.{member} is a bit field in this kernel")]
    BitField {
        /// The structure.
        structure: String,
        /// The member sought.
        member: String,
    },
    /// The type exists in a module only, where `bpf_rdonly_cast` cannot name it.
    #[error("structure {0} is known to a kernel module only, not to vmlinux")]
    ModuleType(String),
}

/// Which kernels have a function.
fn since(function: &str) -> String {
    match kernel::kernel_function(function) {
        Some(KernelFeature { since, with: "", .. }) => format!(" (Linux {since} has it)"),
        Some(KernelFeature { since, with, .. }) => format!(" (Linux {since} has it, with {with})"),
        None => String::new(),
    }
}

/// The configuration option that an enumerator comes with.
fn option(enumerator: &str) -> &'static str {
    match enumerator {
        "SKB_EXT_BRIDGE_NF" => " (it needs CONFIG_BRIDGE_NETFILTER)",
        "SKB_EXT_SEC_PATH" => " (it needs CONFIG_XFRM)",
        _ => "",
    }
}

/// Which kernels have a structure's member.
fn member_since(structure: &str, member: &str) -> String {
    match kernel::member(structure, member) {
        Some(feature) => format!(" (Linux {} has it)", feature.since),
        None if member == "zone" => " (with CONFIG_NF_CONNTRACK_ZONES it has)".to_owned(),
        None => String::new(),
    }
}

/// A kernel function's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelFunction {
    /// Its BTF number.
    pub id: u32,
    /// The module that has it; none for vmlinux.
    pub module: Option<String>,
}

/// The running kernel's types.
#[derive(Debug)]
pub struct KernelTypes {
    vmlinux: Blob,
}

impl KernelTypes {
    /// Reads and indexes vmlinux, about 5 MB.
    pub fn read() -> Result<KernelTypes, BtfError> {
        let bytes = read_file(&Path::new(DIRECTORY).join("vmlinux"))?;
        Ok(KernelTypes { vmlinux: Blob::parse(bytes, None)? })
    }

    /// The function of this name, in vmlinux or in a module.
    pub fn function(&self, name: &str) -> Result<KernelFunction, BtfError> {
        self.find_function(name).map(|(found, _)| found)
    }

    /// The byte offset of a member, or of a member's member behind a dot, looking through unnamed
    /// structures and unions.
    pub fn field(&self, field: &KernelField) -> Result<u32, BtfError> {
        let KernelField { structure, member, .. } = field;
        let (ids, module) = self.structures(structure)?;
        let types = Types { vmlinux: &self.vmlinux, module: module.as_ref() };
        let mut found = None;
        for id in ids {
            let Some(bits) = types.path_bits(id, member)? else { continue };
            let bits = bits.ok_or_else(|| BtfError::BitField {
                structure: structure.clone(),
                member: member.clone(),
            })?;
            if found.is_some_and(|other| other != bits) {
                return Err(BtfError::Ambiguous {
                    structure: structure.clone(),
                    member: member.clone(),
                });
            }
            found = Some(bits);
        }
        found.map(|bits| bits / 8).ok_or_else(|| BtfError::NoMember {
            structure: structure.clone(),
            member: member.clone(),
        })
    }

    /// The size of a structure in bytes.
    pub fn size(&self, structure: &str) -> Result<u32, BtfError> {
        let (ids, module) = self.structures(structure)?;
        let types = Types { vmlinux: &self.vmlinux, module: module.as_ref() };
        let mut sizes = ids.into_iter().filter_map(|id| Some(types.get(id)?.1.size_or_type));
        let size = sizes.next().ok_or_else(|| BtfError::NoStructure(structure.to_owned()))?;
        if sizes.any(|other| other != size) {
            return Err(BtfError::Ambiguous {
                structure: structure.to_owned(),
                member: "its end".to_owned(),
            });
        }
        Ok(size)
    }

    /// The value of an enumerator, in vmlinux or in conntrack's module.
    pub fn enumerator(&self, enumeration: &str, enumerator: &str) -> Result<i32, BtfError> {
        let absent = || BtfError::NoEnumerator {
            enumeration: enumeration.to_owned(),
            enumerator: enumerator.to_owned(),
        };
        let module = self.conntrack_module();
        let types = Types { vmlinux: &self.vmlinux, module: module.as_ref() };
        for blob in std::iter::once(&self.vmlinux).chain(&module) {
            let mut named = blob.named(Some(&self.vmlinux), enumeration);
            if let Some((_, found)) = named.find(|(_, found)| found.kind() == kind::ENUM) {
                let all = (0..found.count()).filter_map(|index| blob.enumerator(&found, index));
                let mut named =
                    all.filter(|(name, _)| types.string(*name) == Some(enumerator.as_bytes()));
                return named.next().map(|(_, value)| value).ok_or_else(absent);
            }
        }
        Err(absent())
    }

    /// The blob of the module that has conntrack's functions, none where vmlinux has them.
    fn conntrack_module(&self) -> Option<Blob> {
        self.find_function("bpf_ct_release").ok().and_then(|(_, module)| module)
    }

    /// The number of a structure in vmlinux.
    pub fn structure_id(&self, structure: &str) -> Result<u32, BtfError> {
        let (ids, _) = self.structures(structure)?;
        ids.into_iter()
            .find(|id| self.vmlinux.get(*id).is_some())
            .ok_or_else(|| BtfError::ModuleType(structure.to_owned()))
    }

    /// The numbers of all structures of a name, and the module's blob where one is among them.
    fn structures(&self, name: &str) -> Result<(Vec<u32>, Option<Blob>), BtfError> {
        if name == "nf_conn" {
            let (function, module) = self.find_function("bpf_ct_release")?;
            let types = Types { vmlinux: &self.vmlinux, module: module.as_ref() };
            let id = types.pointee_of_parameter(function.id, 0);
            let id = id.ok_or(BtfError::Malformed("bpf_ct_release takes no pointer"))?;
            return Ok((vec![id], module));
        }
        let structures = |(id, found): (u32, blob::Type)| {
            matches!(found.kind(), kind::STRUCT | kind::UNION).then_some(id)
        };
        let ids: Vec<u32> = self.vmlinux.named(None, name).filter_map(structures).collect();
        if !ids.is_empty() {
            return Ok((ids, None));
        }
        // Conntrack's own structures may be known to its module alone.
        let of_conntrack = ["nf_", "bpf_ct_"].iter().any(|prefix| name.starts_with(prefix));
        if let Some(module) = self.conntrack_module().filter(|_| of_conntrack) {
            let named = module.named(Some(&self.vmlinux), name);
            let ids: Vec<u32> = named.filter_map(structures).collect();
            if !ids.is_empty() {
                return Ok((ids, Some(module)));
            }
        }
        Err(BtfError::NoStructure(name.to_owned()))
    }

    fn find_function(&self, name: &str) -> Result<(KernelFunction, Option<Blob>), BtfError> {
        if let Some(id) = function_in(&self.vmlinux, None, name) {
            return Ok((KernelFunction { id, module: None }, None));
        }
        for module in modules() {
            // A module may be unloaded while its file is read.
            let Ok(bytes) = fs::read(Path::new(DIRECTORY).join(&module)) else { continue };
            let blob = Blob::parse(bytes, Some(&self.vmlinux))?;
            if let Some(id) = function_in(&blob, Some(&self.vmlinux), name) {
                return Ok((KernelFunction { id, module: Some(module) }, Some(blob)));
            }
        }
        Err(BtfError::NoFunction { name: name.to_owned() })
    }
}

/// vmlinux with at most one module on top.
struct Types<'a> {
    vmlinux: &'a Blob,
    module: Option<&'a Blob>,
}

impl<'a> Types<'a> {
    fn get(&self, id: u32) -> Option<(&'a Blob, blob::Type)> {
        let own = self.vmlinux.get(id).map(|found| (self.vmlinux, found));
        own.or_else(|| self.module.and_then(|module| Some((module, module.get(id)?))))
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        self.vmlinux.string(offset).or_else(|| self.module?.string(offset))
    }

    /// The type behind names and qualifiers.
    fn resolve(&self, mut id: u32) -> Option<(u32, &'a Blob, blob::Type)> {
        for _ in 0..DEPTH {
            let (blob, found) = self.get(id)?;
            match found.kind() {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = found.size_or_type
                }
                _ => return Some((id, blob, found)),
            }
        }
        None
    }

    /// The offset in bits at the end of a path; outer none: no such member, inner none: a bit
    /// field.
    #[allow(clippy::option_option)]
    fn path_bits(&self, mut structure: u32, path: &str) -> Result<Option<Option<u32>>, BtfError> {
        let mut all = 0;
        for name in path.split('.') {
            let Some(found) = self.member_bits(structure, name, DEPTH)? else { return Ok(None) };
            let Some((bits, of)) = found else { return Ok(Some(None)) };
            all += bits;
            structure = of;
        }
        Ok(Some(Some(all)))
    }

    /// A member's offset in bits and its type; outer none: no such member, inner none: a bit
    /// field.
    #[allow(clippy::option_option)]
    fn member_bits(
        &self,
        structure: u32,
        name: &str,
        depth: u32,
    ) -> Result<Option<Option<(u32, u32)>>, BtfError> {
        let Some((_, blob, found)) = self.resolve(structure) else { return Ok(None) };
        if !matches!(found.kind(), kind::STRUCT | kind::UNION) {
            return Ok(None);
        }
        if depth == 0 {
            return Err(BtfError::Malformed("structures nest without end"));
        }
        for index in 0..found.count() {
            let member =
                blob.member(&found, index).ok_or(BtfError::Malformed("a member is cut off"))?;
            if member.name == 0 {
                if let Some(inner) = self.member_bits(member.type_id, name, depth - 1)? {
                    return Ok(Some(inner.map(|(bits, of)| (bits + member.bits, of))));
                }
            } else if self.string(member.name) == Some(name.as_bytes()) {
                let plain = member.bit_field == 0 && member.bits % 8 == 0;
                return Ok(Some(plain.then_some((member.bits, member.type_id))));
            }
        }
        Ok(None)
    }

    fn pointee_of_parameter(&self, function: u32, index: usize) -> Option<u32> {
        let (_, found) = self.get(function)?;
        let (blob, prototype) = self.get(found.size_or_type)?;
        let (_, _, pointer) = self.resolve(blob.parameter(&prototype, index)?)?;
        if pointer.kind() != kind::PTR {
            return None;
        }
        self.resolve(pointer.size_or_type).map(|(id, _, _)| id)
    }
}

fn function_in(blob: &Blob, base: Option<&Blob>, name: &str) -> Option<u32> {
    let mut named = blob.named(base, name);
    named.find(|(_, found)| found.kind() == kind::FUNC).map(|(id, _)| id)
}

fn read_file(path: &Path) -> Result<Vec<u8>, BtfError> {
    fs::read(path).map_err(|source| BtfError::Read { path: path.display().to_string(), source })
}

/// Names of the modules that have BTF, in order; conntrack's, which is what is most often sought,
/// first.
fn modules() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(DIRECTORY)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "vmlinux")
        .collect();
    names.sort_by_key(|name| (name != "nf_conntrack", name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(structure: &str, member: &str) -> KernelField {
        KernelField { structure: structure.into(), member: member.into(), size: 8 }
    }

    /// Offsets that the kernel promises to user space, and members inside unnamed unions.
    #[test]
    fn finds_fields_of_the_running_kernel() {
        let types = match KernelTypes::read() {
            Ok(types) => types,
            Err(error) => {
                assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none(), "{error}");
                eprintln!("skipped: {error}");
                return;
            }
        };
        assert_eq!(types.field(&field("iphdr", "saddr")).unwrap(), 12);
        assert_eq!(types.field(&field("xdp_md", "data_end")).unwrap(), 4);
        assert_eq!(types.size("iphdr").unwrap(), 20);
        assert!(matches!(types.size("no_such"), Err(BtfError::NoStructure(_))));
        assert!(types.field(&field("sk_buff", "_nfct")).unwrap() > 0);
        let inner = ["nf_hook_entries", "task_struct"].map(|s| types.field(&field(s, "no.member")));
        assert!(inner.iter().all(|found| matches!(found, Err(BtfError::NoMember { .. }))));
        let of_list = types.field(&field("net_device", "nd_net.net"));
        assert_eq!(of_list.unwrap(), types.field(&field("net_device", "nd_net")).unwrap());
        assert!(types.field(&field("sk_buff", "dev")).unwrap() > 0);
        assert!(matches!(types.field(&field("iphdr", "nothing")), Err(BtfError::NoMember { .. })));
        assert!(matches!(
            types.field(&field("sk_buff", "pkt_type")),
            Err(BtfError::BitField { .. })
        ));
        assert!(types.enumerator("bpf_func_id", "BPF_FUNC_loop").unwrap() > 0);
        assert!(matches!(
            types.enumerator("skb_ext_id", "SKB_EXT_NOTHING"),
            Err(BtfError::NoEnumerator { .. })
        ));
        assert!(matches!(types.structure_id("no_such"), Err(BtfError::NoStructure(_))));
        assert!(matches!(types.function("no_such"), Err(BtfError::NoFunction { .. })));
        if types.function("bpf_ct_release").is_ok() {
            assert!(types.field(&field("nf_conn", "status")).unwrap() > 0);
            assert!(types.structure_id("nf_conn").unwrap() > 0);
        }
    }

    #[test]
    fn lying_blobs_are_errors() {
        assert!(Blob::parse(vec![], None).is_err());
        assert!(Blob::parse(vec![0x9f, 0xeb], None).is_err());
        let mut header = vec![0x9f, 0xeb, 1, 0];
        for word in [24u32, 0, 0xffff_fff0, 0, 1] {
            header.extend(word.to_le_bytes());
        }
        header.push(0);
        assert!(Blob::parse(header.clone(), None).is_err());
        header[12..16].copy_from_slice(&0u32.to_le_bytes());
        assert!(Blob::parse(header, None).is_ok());
    }
}
