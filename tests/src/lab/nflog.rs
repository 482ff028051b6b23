//! A listener of a group of `NFLOG` (net/netfilter/nfnetlink_log.c), by netlink messages of its
//! own.

use super::LabError;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::os::fd::{AsRawFd, OwnedFd};

/// `NFNL_SUBSYS_ULOG`, and in it `NFULNL_MSG_PACKET` and `NFULNL_MSG_CONFIG`.
const PACKET: u16 = 4 << 8;
const CONFIG: u16 = 4 << 8 | 1;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const REQUEST: u16 = 5;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;

/// One message of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The group.
    pub group: u16,
    /// The rule's prefix.
    pub prefix: String,
    /// Number of the input interface, 0 for none.
    pub input: u32,
    /// Number of the output interface, 0 for none.
    pub output: u32,
    /// The packet's mark.
    pub mark: u32,
    /// User and group of the socket's owner.
    pub owner: Option<(u32, u32)>,
    /// The device's type and the link header.
    pub link: Option<(u16, Vec<u8>)>,
    /// The packet from the IP header on, as far as the rule wants it.
    pub payload: Vec<u8>,
}

/// A socket of the namespace it was made in.
#[derive(Debug)]
pub struct Listener {
    socket: OwnedFd,
}

impl Listener {
    /// Listens to a group and gets whole packets, one a message.
    pub fn new(group: u16) -> Result<Self, LabError> {
        let failed = || LabError::errno("NFLOG listener");
        let socket = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            Some(SockProtocol::NetlinkNetFilter),
        )
        .map_err(failed())?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(20)).map_err(failed())?;
        setsockopt(&socket, sockopt::RcvBufForce, &(8 << 20)).map_err(failed())?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(failed())?;
        let listener = Self { socket };
        // NFULA_CFG_CMD: NFULNL_CFG_CMD_BIND.
        listener.configure(group, 1, &[1])?;
        // NFULA_CFG_MODE: 65,535 bytes, NFULNL_COPY_PACKET.
        listener.configure(group, 2, &[0, 0, 0xff, 0xff, 2, 0])?;
        // NFULA_CFG_QTHRESH: each message at once.
        listener.configure(group, 5, &1u32.to_be_bytes())?;
        Ok(listener)
    }

    fn configure(&self, group: u16, kind: u16, value: &[u8]) -> Result<(), LabError> {
        let mut body = vec![0, 0];
        body.extend(group.to_be_bytes());
        body.extend((4 + value.len() as u16).to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
        let mut message = (16 + body.len() as u32).to_ne_bytes().to_vec();
        message.extend(CONFIG.to_ne_bytes());
        message.extend(REQUEST.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        let fd = self.socket.as_raw_fd();
        send(fd, &message, MsgFlags::empty()).map_err(LabError::errno("NFLOG configuration"))?;
        for (kind, body) in self.receive(MsgFlags::empty())? {
            let code = body.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
            if kind == ERROR && code != 0 {
                let error = nix::Error::from_raw(-code);
                return Err(LabError::errno("NFLOG configuration")(error));
            }
        }
        Ok(())
    }

    /// The messages of one datagram: type and what follows the header.
    fn receive(&self, flags: MsgFlags) -> Result<Vec<(u16, Vec<u8>)>, LabError> {
        let mut buffer = vec![0; 1 << 17];
        let length = match recv(self.socket.as_raw_fd(), &mut buffer, flags) {
            Ok(length) => length,
            Err(nix::Error::EAGAIN) => return Ok(Vec::new()),
            Err(error) => return Err(LabError::errno("NFLOG")(error)),
        };
        let mut messages = Vec::new();
        let mut rest = &buffer[..length];
        while let Some((header, _)) = rest.split_first_chunk::<16>() {
            let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
            let Some(body) = rest.get(16..length) else { break };
            messages.push((u16::from_ne_bytes([header[4], header[5]]), body.to_vec()));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(messages)
    }

    /// What there is to hear, without waiting.
    pub fn hear(&self) -> Result<Vec<Heard>, LabError> {
        let mut heard = Vec::new();
        loop {
            let messages = self.receive(MsgFlags::MSG_DONTWAIT)?;
            if messages.is_empty() {
                return Ok(heard);
            }
            for (kind, body) in messages {
                if kind == PACKET && body.len() >= 4 {
                    heard.push(packet(&body));
                }
            }
        }
    }
}

fn packet(body: &[u8]) -> Heard {
    let mut heard = Heard { group: u16::from_be_bytes([body[2], body[3]]), ..Heard::default() };
    let (mut user, mut group, mut kind, mut link) = (None, None, None, None);
    let mut rest = &body[4..];
    while let Some((header, _)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let Some(value) = rest.get(4..length) else { break };
        let number = || value.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
        match u16::from_ne_bytes([header[2], header[3]]) {
            2 => heard.mark = number(),
            4 => heard.input = number(),
            5 => heard.output = number(),
            9 => heard.payload = value.to_vec(),
            10 => {
                let text = value.strip_suffix(&[0]).unwrap_or(value);
                heard.prefix = String::from_utf8_lossy(text).into_owned();
            }
            11 => user = Some(number()),
            14 => group = Some(number()),
            15 => kind = value.first_chunk().map(|bytes| u16::from_be_bytes(*bytes)),
            16 => link = Some(value.to_vec()),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    heard.owner = user.zip(group);
    heard.link = kind.zip(link);
    heard
}
