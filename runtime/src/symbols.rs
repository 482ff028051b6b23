//! What linking asks of the running kernel, each question asked once.

use crate::btf::{BtfError, KernelFunction, KernelTypes};
use crate::kconfig::Options;
use crate::{Error, sys};
use bpfc_artifact::KernelField;
use std::collections::BTreeMap;
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::path::Path;

/// The extension of packets in which br_netfilter notes bridge ports.
const BRIDGE_PORTS: &str = "SKB_EXT_BRIDGE_NF";
/// The module's settings, there while it is loaded.
const BRIDGE_SETTINGS: &str = "/proc/sys/net/bridge";

/// Kernel functions, fields and types by name. The kernel's BTF is read at the first question, so
/// that a program that asks nothing loads without.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    types: Option<KernelTypes>,
    functions: BTreeMap<String, KernelFunction>,
    fields: BTreeMap<KernelField, u32>,
    sizes: BTreeMap<String, u32>,
    structures: BTreeMap<String, u32>,
    /// Modules in the order of their first use, with their BTF.
    modules: Vec<(String, OwnedFd)>,
    options: Option<Options>,
}

impl Symbols {
    fn types(&mut self) -> Result<&KernelTypes, BtfError> {
        let types = match self.types.take() {
            Some(types) => types,
            None => KernelTypes::read()?,
        };
        Ok(self.types.insert(types))
    }

    /// A function's number, and its module's index in [`Symbols::fd_array`] (0 for vmlinux).
    pub fn function(&mut self, name: &str) -> Result<(u32, i16), Error> {
        let found = match self.functions.get(name) {
            Some(found) => found.clone(),
            None => {
                let found = self.types()?.function(name)?;
                self.functions.insert(name.to_owned(), found.clone());
                found
            }
        };
        let Some(module) = &found.module else { return Ok((found.id, 0)) };
        Ok((found.id, self.module_index(module)?))
    }

    /// Whether the kernel has a function.
    pub fn has_function(&mut self, name: &str) -> Result<bool, Error> {
        match self.function(name) {
            Ok(_) => Ok(true),
            Err(Error::Btf(BtfError::NoFunction { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A member's byte offset.
    pub fn field(&mut self, field: &KernelField) -> Result<u32, Error> {
        if let Some(offset) = self.fields.get(field) {
            return Ok(*offset);
        }
        let offset = self.types()?.field(field)?;
        self.fields.insert(field.clone(), offset);
        Ok(offset)
    }

    /// Whether a structure has a member, which may be a bit field.
    pub fn has_field(&mut self, field: &KernelField) -> Result<bool, Error> {
        match self.field(field) {
            Ok(_) | Err(Error::Btf(BtfError::BitField { .. })) => Ok(true),
            Err(Error::Btf(BtfError::NoMember { .. } | BtfError::NoStructure(_))) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A structure's size in bytes.
    pub fn size(&mut self, structure: &str) -> Result<u32, Error> {
        if let Some(size) = self.sizes.get(structure) {
            return Ok(*size);
        }
        let size = self.types()?.size(structure)?;
        self.sizes.insert(structure.to_owned(), size);
        Ok(size)
    }

    /// A structure's number in vmlinux.
    pub fn structure(&mut self, name: &str) -> Result<u32, Error> {
        if let Some(id) = self.structures.get(name) {
            return Ok(*id);
        }
        let id = self.types()?.structure_id(name)?;
        self.structures.insert(name.to_owned(), id);
        Ok(id)
    }

    /// An enumerator's value. An error, too, where what it stands for waits for a module.
    pub fn enumerator(&mut self, enumeration: &str, enumerator: &str) -> Result<i32, Error> {
        let value = self.types()?.enumerator(enumeration, enumerator)?;
        if enumerator == BRIDGE_PORTS && !Path::new(BRIDGE_SETTINGS).exists() {
            return Err(Error::Unsupported {
                feature: "bridge ports of packets",
                since: "one with the module br_netfilter loaded ('modprobe br_netfilter')".into(),
            });
        }
        Ok(value)
    }

    /// BTF of the modules asked for so far, at the indices that [`Symbols::function`] gave; entry
    /// 0 stands for vmlinux and is not read. Empty where no module is needed.
    pub fn fd_array(&self) -> Vec<RawFd> {
        if self.modules.is_empty() {
            return Vec::new();
        }
        let fds = self.modules.iter().map(|(_, fd)| fd.as_raw_fd());
        std::iter::once(0).chain(fds).collect()
    }

    /// Where an option of the kernel's configuration lies: a map of one entry, and the offset of
    /// the u32 in it.
    pub fn option(&mut self, name: &str) -> Result<(RawFd, i32), Error> {
        let options = match self.options.take() {
            Some(options) => options,
            None => Options::ask()?,
        };
        self.options.insert(options).place(name)
    }

    fn module_index(&mut self, module: &str) -> Result<i16, Error> {
        let index = match self.modules.iter().position(|(name, _)| name == module) {
            Some(index) => index,
            None => {
                let fd = sys::btf_fd_of_module(module)
                    .map_err(Error::kernel(format!("open the BTF of module {module}")))?;
                let fd = fd.ok_or_else(|| BtfError::NoFunction { name: module.to_owned() })?;
                self.modules.push((module.to_owned(), fd));
                self.modules.len() - 1
            }
        };
        Ok(index as i16 + 1)
    }
}
