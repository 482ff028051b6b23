//! Rules of policy routing with what `ip rule` of this age does not know, by netlink messages of
//! its own (net/core/fib_rules.c, `fib_nl_newrule`).

use super::{Family, LabError};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};
use std::os::fd::AsRawFd;

/// `RTM_NEWRULE`.
const NEW_RULE: u16 = 32;
/// `NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL`.
const REQUEST: u16 = 0x605;
/// `FR_ACT_TO_TBL`.
const TO_TABLE: u8 = 1;
/// `FRA_*`.
const PRIORITY: u16 = 6;
const TABLE: u16 = 15;
const SOURCE_PORTS: u16 = 23;
const DSCP: u16 = 25;
const FLOW_LABEL: u16 = 26;
const FLOW_LABEL_MASK: u16 = 27;
const SOURCE_PORT_MASK: u16 = 28;
const DSCP_MASK: u16 = 30;

/// A rule that leads some packets to a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyRule {
    /// Its place among the rules.
    pub preference: u32,
    /// The table.
    pub table: u32,
    /// Code point, up to 63 (Linux 6.12).
    pub dscp: Option<u8>,
    /// Bits of it that count (Linux 6.15).
    pub dscp_mask: Option<u8>,
    /// Label of an IPv6 flow, and the bits of it that count (Linux 6.14).
    pub flow_label: Option<(u32, u32)>,
    /// A source port, and the bits of it that count (Linux 6.15).
    pub source_port: Option<(u16, u16)>,
}

impl PolicyRule {
    /// Adds it in the calling thread's namespace: whether the kernel took it.
    pub fn add(&self, family: Family) -> Result<bool, LabError> {
        let failed = || LabError::errno("a rule of policy routing");
        let kind = SockType::Raw;
        let protocol = Some(SockProtocol::NetlinkRoute);
        let socket = socket(AddressFamily::Netlink, kind, SockFlag::SOCK_CLOEXEC, protocol)
            .map_err(failed())?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(failed())?;
        send(socket.as_raw_fd(), &self.message(family), MsgFlags::empty()).map_err(failed())?;
        let mut answer = [0; 4096];
        let length = recv(socket.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(failed())?;
        // An acknowledgement is an error message with the number 0.
        let code = answer[..length].get(16..20).and_then(|bytes| bytes.first_chunk());
        Ok(code.is_some_and(|code| i32::from_ne_bytes(*code) == 0))
    }

    fn message(&self, family: Family) -> Vec<u8> {
        let family = match family {
            Family::Ipv4 => 2,
            Family::Ipv6 => 10,
        };
        let mut body = vec![family, 0, 0, 0, 0, 0, 0, TO_TABLE, 0, 0, 0, 0];
        let mut add = |kind: u16, value: &[u8]| {
            body.extend((4 + value.len() as u16).to_ne_bytes());
            body.extend(kind.to_ne_bytes());
            body.extend(value);
            body.resize(body.len().next_multiple_of(4), 0);
        };
        add(PRIORITY, &self.preference.to_ne_bytes());
        add(TABLE, &self.table.to_ne_bytes());
        if let Some(dscp) = self.dscp {
            add(DSCP, &[dscp]);
        }
        if let Some(mask) = self.dscp_mask {
            add(DSCP_MASK, &[mask]);
        }
        if let Some((label, mask)) = self.flow_label {
            add(FLOW_LABEL, &label.to_be_bytes());
            add(FLOW_LABEL_MASK, &mask.to_be_bytes());
        }
        if let Some((port, mask)) = self.source_port {
            add(SOURCE_PORTS, &[port.to_ne_bytes(), port.to_ne_bytes()].concat());
            add(SOURCE_PORT_MASK, &mask.to_ne_bytes());
        }
        let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
        message.extend(NEW_RULE.to_ne_bytes());
        message.extend(REQUEST.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        message
    }
}
