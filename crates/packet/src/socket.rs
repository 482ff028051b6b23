//! The socket that sends a packet.

/// A socket of the host that handles the packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Socket {
    /// Who opened it, none for one that no process has open.
    pub owner: Option<Owner>,
    /// The class that its control group has (`net_cls.classid`, version 1); 0 for none.
    pub class: u32,
    /// The path of its control group of version 2, from the hierarchy's root on; empty for the
    /// root.
    pub group: String,
}

impl Socket {
    /// Whether its control group is the one of a path, or below it.
    pub fn is_in_group(&self, path: &str) -> bool {
        let names = |path: &str| -> Vec<String> {
            path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect()
        };
        names(&self.group).starts_with(&names(path))
    }
}

/// The socket of the host that will receive a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Receiver {
    /// Whether it is a full one, not one of a connection that begins or has ended.
    pub full: bool,
    /// Whether it is bound to no address.
    pub wildcard: bool,
    /// Whether it takes packets for addresses of others.
    pub transparent: bool,
    /// Its mark.
    pub mark: u32,
}

/// Whom a process acts as, as the kernel numbers users and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Owner {
    /// File system user.
    pub user: u32,
    /// File system group.
    pub group: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
}
