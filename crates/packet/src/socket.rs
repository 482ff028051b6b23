//! The socket that sends a packet.

/// A socket of the host that handles the packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Socket {
    /// Who opened it, none for one that no process has open.
    pub owner: Option<Owner>,
    /// The class that its control group has (`net_cls.classid`, version 1); 0 for none.
    pub class: u32,
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
