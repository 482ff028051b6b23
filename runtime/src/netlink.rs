//! Just enough of nf_tables' netlink protocol to write a batch and hear the outcome, and of
//! nfnetlink's and rtnetlink's to ask for what there is.
//!
//! Layouts are from include/uapi/linux/netlink.h, netfilter/nfnetlink.h and
//! netfilter/nf_tables.h. A message's header and its attributes' headers are in native byte
//! order, numbers inside nf_tables' attributes in network order. A batch takes effect as a whole
//! or not at all.

use bpfc_artifact::raw;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, netlink, recv,
    sendto, socket_with,
};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// `NFNL_SUBSYS_NFTABLES`.
pub(crate) const NF_TABLES: u16 = 10;
/// `NFNL_MSG_BATCH_BEGIN` and `NFNL_MSG_BATCH_END`.
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
/// `NLMSG_ERROR`.
const ERROR: u16 = 2;
const FLAG_REQUEST: u16 = 1;
const FLAG_ACK: u16 = 4;
const NESTED: u16 = 1 << 15;
/// `NFPROTO_UNSPEC`.
const UNSPECIFIED: u8 = 0;

const HEADER: usize = 16;

/// `NLM_F_CREATE`.
pub(crate) const CREATE: u16 = 0x400;
/// `NLM_F_APPEND`.
pub(crate) const APPEND: u16 = 0x800;

/// Attributes under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    fn put(mut self, kind: u16, payload: &[u8]) -> Attributes {
        self.0.extend((4 + payload.len() as u16).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(payload);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// A string that ends in NUL.
    pub fn string(self, kind: u16, value: &str) -> Attributes {
        let mut bytes = raw::encode(value).into_owned();
        bytes.push(0);
        self.put(kind, &bytes)
    }

    /// A number in network order.
    pub fn number(self, kind: u16, value: u32) -> Attributes {
        self.put(kind, &value.to_be_bytes())
    }

    /// A byte.
    pub fn byte(self, kind: u16, value: u8) -> Attributes {
        self.put(kind, &[value])
    }

    /// As they are sent.
    #[cfg(test)]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Attributes inside one.
    pub fn nested(self, kind: u16, inner: Attributes) -> Attributes {
        self.put(kind | NESTED, &inner.0)
    }
}

/// A batch of nf_tables messages.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    messages: u32,
}

impl Batch {
    pub fn new() -> Batch {
        let mut batch = Batch { bytes: Vec::new(), messages: 0 };
        batch.message(BATCH_BEGIN, FLAG_REQUEST, UNSPECIFIED, NF_TABLES, &[]);
        batch
    }

    /// Adds a message: `NFT_MSG_*`, `NLM_F_*`, `NFPROTO_*` and its attributes.
    pub fn add(&mut self, kind: u16, flags: u16, family: u8, attributes: &Attributes) {
        let kind = NF_TABLES << 8 | kind;
        self.message(kind, FLAG_REQUEST | FLAG_ACK | flags, family, 0, &attributes.0);
    }

    fn message(&mut self, kind: u16, flags: u16, family: u8, resource: u16, attributes: &[u8]) {
        let length = HEADER + 4 + attributes.len();
        self.bytes.extend((length as u32).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(self.messages.to_ne_bytes());
        self.bytes.extend(0u32.to_ne_bytes());
        // struct nfgenmsg: family, version 0, resource.
        self.bytes.extend([family, 0]);
        self.bytes.extend(resource.to_be_bytes());
        self.bytes.extend(attributes);
        self.messages += 1;
    }

    /// Sends it to the calling thread's network namespace. The first error of any message is the
    /// result.
    pub fn send(mut self) -> io::Result<()> {
        let wanted = self.messages - 1;
        self.message(BATCH_END, FLAG_REQUEST, UNSPECIFIED, NF_TABLES, &[]);
        let socket = open(Some(netlink::NETFILTER))?;
        let kernel = netlink::SocketAddrNetlink::new(0, 0);
        sendto(&socket, &self.bytes, SendFlags::empty(), &kernel)?;
        let mut answered = 0;
        let mut buffer = vec![0; 64 << 10];
        while answered < wanted {
            let (received, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
            answered += read_answers(&buffer[..received])?;
        }
        Ok(())
    }
}

/// Asks one question of a subsystem of nfnetlink and gives each message of the answer to `take`,
/// without its headers. `flags` are `NLM_F_*` besides `NLM_F_REQUEST`.
pub(crate) fn ask(
    subsystem: u16,
    command: u16,
    flags: u16,
    attributes: &Attributes,
    take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    ask_family(UNSPECIFIED, subsystem, command, flags, attributes, take)
}

/// As [`ask`], about one family (`NFPROTO_*`).
pub(crate) fn ask_family(
    family: u8,
    subsystem: u16,
    command: u16,
    flags: u16,
    attributes: &Attributes,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut batch = Batch { bytes: Vec::new(), messages: 1 };
    let kind = subsystem << 8 | command;
    batch.message(kind, FLAG_REQUEST | FLAG_ACK | flags, family, 0, &attributes.0);
    let socket = open(Some(netlink::NETFILTER))?;
    dump(&socket, &batch.bytes, |Message { kind: found, payload, .. }| {
        if found >> 8 == subsystem { take(payload.get(4..).ok_or_else(cut)?) } else { Ok(()) }
    })
}

/// `NLM_F_DUMP`.
const FLAG_DUMP: u16 = 0x300;
/// `RTM_GETLINK`, and the bytes of `struct ifinfomsg`.
const GET_LINK: u16 = 18;
const LINK: usize = 16;

/// The question for all devices.
fn links_question() -> Vec<u8> {
    let mut question = ((HEADER + LINK) as u32).to_ne_bytes().to_vec();
    question.extend(GET_LINK.to_ne_bytes());
    question.extend((FLAG_REQUEST | FLAG_DUMP).to_ne_bytes());
    question.resize(HEADER + LINK, 0);
    question
}

/// Gives each device of the calling thread's network namespace to `take`: its number there, its
/// type (`ARPHRD_*`), and its attributes, `IFLA_*` (include/uapi/linux/if_link.h).
pub(crate) fn links(mut take: impl FnMut(u32, u16, &[u8])) -> io::Result<()> {
    /// `RTM_NEWLINK`, and the places of `ifi_type` and `ifi_index` in `struct ifinfomsg`.
    const NEW_LINK: u16 = 16;
    const TYPE: usize = 2;
    const INDEX: usize = 4;
    // `NETLINK_ROUTE` is 0.
    let socket = open(None)?;
    dump(&socket, &links_question(), |Message { kind: found, payload, .. }| {
        if found == NEW_LINK {
            let (header, link) = payload.split_at_checked(LINK).ok_or_else(cut)?;
            let index = header[INDEX..].first_chunk().map_or(0, |index| u32::from_ne_bytes(*index));
            let kind = header[TYPE..].first_chunk().map_or(0, |kind| u16::from_ne_bytes(*kind));
            take(index, kind, link);
        }
        Ok(())
    })
}

/// A socket for several questions, whose answers are kept as the kernel sent them.
#[derive(Debug)]
pub(crate) struct Recorder {
    socket: OwnedFd,
    /// The answers, one message behind the other, each at a multiple of 4.
    pub messages: Vec<u8>,
    /// Whether something changed while the kernel answered (`NLM_F_DUMP_INTR`).
    pub is_interrupted: bool,
}

impl Recorder {
    /// One for nfnetlink.
    pub fn of_netfilter() -> io::Result<Recorder> {
        Recorder::new(Some(netlink::NETFILTER))
    }

    fn new(protocol: Option<Protocol>) -> io::Result<Recorder> {
        Ok(Recorder { socket: open(protocol)?, messages: Vec::new(), is_interrupted: false })
    }

    /// All devices of the calling thread's network namespace, recorded behind what is there.
    pub fn links(messages: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut recorder = Recorder { messages, ..Recorder::new(None)? };
        recorder.record(&links_question())?;
        Ok(recorder.messages)
    }

    /// Asks a subsystem for all that it has, or for one thing, and records the answer. Yields where
    /// in `messages` that begins.
    pub fn ask(
        &mut self,
        kind: u16,
        family: u8,
        is_dump: bool,
        attributes: &Attributes,
    ) -> io::Result<usize> {
        let mut batch = Batch { bytes: Vec::new(), messages: 1 };
        let flags = FLAG_REQUEST | if is_dump { FLAG_DUMP } else { FLAG_ACK };
        batch.message(kind, flags, family, 0, &attributes.0);
        self.record(&batch.bytes)
    }

    fn record(&mut self, question: &[u8]) -> io::Result<usize> {
        /// `NLM_F_DUMP_INTR`.
        const INTERRUPTED: u16 = 0x10;
        let (start, all, is_interrupted) =
            (self.messages.len(), &mut self.messages, &mut self.is_interrupted);
        dump(&self.socket, question, |message| {
            *is_interrupted |= message.flags & INTERRUPTED != 0;
            all.extend(message.whole);
            all.resize(all.len().next_multiple_of(4), 0);
            Ok(())
        })?;
        Ok(start)
    }
}

/// A recorded message of nfnetlink.
#[derive(Clone, Copy)]
pub(crate) struct Recorded<'a> {
    /// What of which subsystem it tells.
    pub kind: u16,
    /// `NFPROTO_*`.
    pub family: u8,
    /// What is behind `struct nfgenmsg`.
    pub attributes: &'a [u8],
    /// All of it.
    pub whole: &'a [u8],
}

/// Recorded messages, one by one.
pub(crate) fn recorded(recorded: &[u8]) -> impl Iterator<Item = Recorded<'_>> {
    messages(recorded).filter_map(|message| {
        let Message { kind, payload, whole, .. } = message.ok()?;
        Some(Recorded { kind, family: *payload.first()?, attributes: payload.get(4..)?, whole })
    })
}

/// Sends a question and gives each message of the answer to `take`.
fn dump(
    socket: &OwnedFd,
    question: &[u8],
    mut take: impl FnMut(Message<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let kernel = netlink::SocketAddrNetlink::new(0, 0);
    sendto(socket, question, SendFlags::empty(), &kernel)?;
    // A dump's messages are as large as the largest buffer seen so far, up to 32 KiB.
    let mut buffer = vec![0; 256 << 10];
    loop {
        let (received, _) =
            retry_on_intr(|| recv(socket, buffer.as_mut_slice(), RecvFlags::empty()))?;
        for message in messages(&buffer[..received]) {
            let message = message?;
            match message.kind {
                DONE | ERROR => {
                    return match message.error() {
                        Some(0) => Ok(()),
                        Some(number) => Err(io::Error::from_raw_os_error(-number)),
                        None if message.kind == DONE => Ok(()),
                        None => Err(cut()),
                    };
                }
                _ => take(message)?,
            }
        }
    }
}

/// `NLMSG_DONE`.
const DONE: u16 = 3;

#[derive(Clone, Copy)]
struct Message<'a> {
    kind: u16,
    flags: u16,
    payload: &'a [u8],
    /// With its header.
    whole: &'a [u8],
}

impl Message<'_> {
    fn error(&self) -> Option<i32> {
        self.payload.first_chunk().map(|number| i32::from_ne_bytes(*number))
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a netlink answer is cut off")
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = io::Result<Message<'_>>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let whole = bytes;
        let length = whole.first_chunk().map_or(0, |length| u32::from_ne_bytes(*length) as usize);
        let Some(message) = whole.get(..length).filter(|_| length >= HEADER) else {
            bytes = &[];
            return Some(Err(cut()));
        };
        bytes = whole.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        let kind = u16::from_ne_bytes([message[4], message[5]]);
        let flags = u16::from_ne_bytes([message[6], message[7]]);
        Some(Ok(Message { kind, flags, payload: &message[HEADER..], whole: message }))
    })
}

/// The attributes of a message or inside one: kind without its flags, and payload.
pub(crate) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let header: &[u8; 4] = bytes.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & 0x3fff;
        let payload = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, payload))
    })
}

fn open(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    open_with(protocol, SocketFlags::empty(), 0)
}

fn open_with(protocol: Option<Protocol>, flags: SocketFlags, groups: u32) -> io::Result<OwnedFd> {
    let flags = flags | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    bind(&socket, &netlink::SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// A socket that hears what the kernel tells a group.
#[derive(Debug)]
pub(crate) struct Subscription {
    socket: OwnedFd,
}

impl Subscription {
    /// To a group of nfnetlink, `NFNLGRP_*`.
    pub fn to_netfilter(group: u32) -> io::Result<Subscription> {
        Subscription::new(Some(netlink::NETFILTER), group)
    }

    /// To a group of rtnetlink, `RTNLGRP_*`.
    pub fn to_routes(group: u32) -> io::Result<Subscription> {
        // `NETLINK_ROUTE` is 0.
        Subscription::new(None, group)
    }

    fn new(protocol: Option<Protocol>, group: u32) -> io::Result<Subscription> {
        /// Bytes of messages that wait to be read. A transaction of a large ruleset is megabytes.
        const ROOM: usize = 8 << 20;
        let socket = open_with(protocol, SocketFlags::NONBLOCK, 1 << (group - 1))?;
        // Without the right to take so much, what is lost is told.
        let _ = set_socket_recv_buffer_size_force(&socket, ROOM);
        Ok(Subscription { socket })
    }

    /// Gives what was told since the last call to `take`, a few messages at a time. False where
    /// something was told for which there was no room.
    pub fn read(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<bool> {
        let mut buffer = vec![0; 64 << 10];
        let mut is_whole = true;
        loop {
            match recv(&self.socket, buffer.as_mut_slice(), RecvFlags::empty()) {
                Ok((received, _)) => take(&buffer[..received]),
                Err(Errno::AGAIN) => return Ok(is_whole),
                Err(Errno::NOBUFS) => is_whole = false,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Number of acknowledgements among the messages; the first error ends it.
fn read_answers(mut bytes: &[u8]) -> io::Result<u32> {
    let cut = || io::Error::new(io::ErrorKind::InvalidData, "a netlink answer is cut off");
    let mut answered = 0;
    while !bytes.is_empty() {
        let header: &[u8; HEADER] = bytes.first_chunk().ok_or_else(cut)?;
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let message = bytes.get(..length).filter(|_| length >= HEADER).ok_or_else(cut)?;
        if u16::from_ne_bytes([header[4], header[5]]) == ERROR {
            let number: &[u8; 4] =
                message.get(HEADER..).and_then(|rest| rest.first_chunk()).ok_or_else(cut)?;
            match i32::from_ne_bytes(*number) {
                0 => answered += 1,
                number => return Err(io::Error::from_raw_os_error(-number)),
            }
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    Ok(answered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested() {
        let inner = Attributes::default().number(2, 5);
        let outer = Attributes::default().string(1, "ct").nested(3, inner);
        let mut expected = Vec::new();
        expected.extend(7u16.to_ne_bytes());
        expected.extend(1u16.to_ne_bytes());
        expected.extend(*b"ct\0\0");
        expected.extend(12u16.to_ne_bytes());
        expected.extend((3u16 | NESTED).to_ne_bytes());
        expected.extend(8u16.to_ne_bytes());
        expected.extend(2u16.to_ne_bytes());
        expected.extend([0, 0, 0, 5]);
        assert_eq!(outer.0, expected);
    }

    #[test]
    fn answers_are_counted_and_errors_told() {
        let answer = |number: i32| {
            let mut bytes = Vec::new();
            bytes.extend(36u32.to_ne_bytes());
            bytes.extend(ERROR.to_ne_bytes());
            bytes.resize(HEADER, 0);
            bytes.extend(number.to_ne_bytes());
            bytes.resize(36, 0);
            bytes
        };
        assert_eq!(read_answers(&[answer(0), answer(0)].concat()).unwrap(), 2);
        let error = read_answers(&answer(-2)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(2));
        assert!(read_answers(&answer(0)[..20]).is_err());
    }
}
