//! Routing domains (VRF, Documentation/networking/vrf.rst). Programs that follow rules of policy
//! routing do not know which table a domain has, so they are not attached where packets of one go
//! by.

use crate::Error;
use crate::netlink::{self, attributes};
use crate::place::{Attachment, Place};
use bpfc_artifact::{Artifact, RelocKind};

/// `IFLA_*` (include/uapi/linux/if_link.h).
const NAME: u16 = 3;
const LINK_INFO: u16 = 18;
/// `IFLA_INFO_KIND` and `IFLA_INFO_SLAVE_KIND` in it.
const KIND: u16 = 1;
const SLAVE_KIND: u16 = 4;

/// Refuses to attach programs that follow rules of policy routing to an interface of a routing
/// domain, or to hooks that its packets pass.
pub(crate) fn check(artifact: &Artifact, plan: &[Attachment]) -> Result<(), Error> {
    if follows_rules(artifact) { refuse(plan) } else { Ok(()) }
}

/// True where programs follow rules of policy routing.
pub(crate) fn follows_rules(artifact: &Artifact) -> bool {
    artifact.functions.iter().flat_map(|function| &function.relocs).any(
        |reloc| matches!(&reloc.kind, RelocKind::FieldOffset(field) if field.structure == "fib_rule"),
    )
}

/// Refuses places where packets of a routing domain go by.
pub(crate) fn refuse(plan: &[Attachment]) -> Result<(), Error> {
    let members = devices_of("vrf")?;
    for attachment in plan {
        let interface = match &attachment.place {
            Place::Xdp { interface, .. }
            | Place::Tc { interface, .. }
            | Place::Companion { interface, .. } => {
                members.iter().find(|member| *member == interface)
            }
            _ => members.first(),
        };
        if let Some(interface) = interface {
            return Err(Error::RoutingDomain {
                place: attachment.place.to_string(),
                interface: interface.clone(),
            });
        }
    }
    Ok(())
}

/// The names of the devices of a kind, and of those that belong to one.
fn devices_of(kind: &str) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    netlink::links(|_, _, link| found.extend(name_of(link, kind)))
        .map_err(Error::kernel("ask for the interfaces"))?;
    Ok(found)
}

/// The name of a device, by its attributes, where it is of this kind or belongs to such a one.
fn name_of(link: &[u8], kind: &str) -> Option<String> {
    let text = |value: &[u8]| {
        let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
        String::from_utf8_lossy(&value[..end]).into_owned()
    };
    let part = |of| attributes(link).find(|(number, _)| *number == of).map(|(_, value)| value);
    let is_one = attributes(part(LINK_INFO)?)
        .any(|(number, value)| matches!(number, KIND | SLAVE_KIND) && text(value) == kind);
    part(NAME).filter(|_| is_one).map(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_domain_and_its_members_are_told_from_others() {
        let link = |name: &str, kinds: &[(u16, &str)]| {
            let info: Vec<u8> = kinds
                .iter()
                .flat_map(|(number, kind)| attribute(*number, kind.as_bytes()))
                .collect();
            [attribute(NAME, format!("{name}\0").as_bytes()), attribute(LINK_INFO, &info)].concat()
        };
        let name = |link: &[u8]| name_of(link, "vrf");
        assert_eq!(name(&link("blue", &[(KIND, "vrf\0")])).as_deref(), Some("blue"));
        let member = link("eth1", &[(KIND, "veth\0"), (SLAVE_KIND, "vrf\0")]);
        assert_eq!(name(&member).as_deref(), Some("eth1"));
        assert_eq!(name(&link("eth2", &[(KIND, "veth\0"), (SLAVE_KIND, "bridge\0")])), None);
        assert_eq!(name(&attribute(NAME, b"lo\0")), None);
        assert_eq!(name(&member[..9]), None);
    }
}
