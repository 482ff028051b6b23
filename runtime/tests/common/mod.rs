//! What kernel tests share: small filters put together by hand, network namespaces, traffic.

#![allow(dead_code)]

use bpfc_artifact::{
    Artifact, AttachPoint, CounterSlot, Family, Function, FunctionIndex, FunctionKind, Hook, Insn,
    Line, MapDef, MapIndex, MapKind, MapRole, Program, ProgramKind, Reloc, RelocKind, RuleEntry,
    RuleKind,
};
use bpfc_runtime::Filter;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// True where kernel tests can run. Without root they are skipped, and say so, unless
/// `BPFC_REQUIRE_ALL=1`.
pub fn can_run(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        mount_bpffs();
        return true;
    }
    assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none(), "{test} needs root");
    eprintln!("skipped: root is needed");
    false
}

/// Mounts bpffs where none is: the runtime does so only where the machine's pid 1 sees it, and
/// tests may run in a container.
fn mount_bpffs() {
    const BPFFS: &str = "/sys/fs/bpf";
    static MOUNTED: std::sync::Once = std::sync::Once::new();
    MOUNTED.call_once(|| {
        // Another test's process may be about to do the same.
        let above = File::open("/sys/fs").unwrap();
        rustix::fs::flock(&above, rustix::fs::FlockOperation::LockExclusive).unwrap();
        if rustix::fs::statfs(BPFFS).unwrap().f_type as u64 != 0xcafe_4a11 {
            let flags = rustix::mount::MountFlags::empty();
            rustix::mount::mount("bpf", BPFFS, "bpf", flags, c"mode=0700").unwrap();
        }
    });
}

/// True where the running kernel is at least this one; says so where it is not.
pub fn has_linux(test: &str, major: u32, minor: u32) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < (major, minor) {
        eprintln!("skipped: {test}: Linux {} lacks what {major}.{minor} has", release.trim());
    }
    found >= (major, minor)
}

/// Whether there are control groups of version 2. Without them tests are skipped, and say so,
/// unless `BPFC_REQUIRE_ALL=1`.
pub fn has_cgroup2() -> bool {
    let has = bpfc_runtime::control_groups().is_some();
    if !has {
        assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none(), "no cgroup2 is mounted");
        eprintln!("skipped: no cgroup2 is mounted");
    }
    has
}

/// One test of this binary as a process in a control group.
pub fn inside(group: &Path, test: &str) -> Command {
    let script = "echo $$ > \"$0/cgroup.procs\"; exec \"$1\" --exact \"$2\" --nocapture";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(group).arg(std::env::current_exe().unwrap()).arg(test);
    command.stderr(Stdio::null());
    command
}

/// Bytes that every matching packet counts.
pub const BYTES: u64 = 100;
/// Bytes of `struct bpfc_packet` here.
const PACKET: u32 = 16;

fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Insn {
    Insn { code, dst, src, off, imm }
}

fn verdicts(kind: ProgramKind) -> (i32, i32) {
    match kind {
        ProgramKind::Xdp => (2, 1),
        ProgramKind::SchedCls => (-1, 2),
        ProgramKind::CgroupSkb | ProgramKind::Netfilter => (1, 0),
    }
}

/// What the one rule of a test filter does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accept,
    Drop,
}

/// A main function that calls a chain with a packet on its stack, and a chain that counts in
/// `slot` and gives the verdict. `tail` is put before the chain's end.
fn functions(kind: ProgramKind, verdict: Verdict, slot: CounterSlot, n: usize) -> [Function; 2] {
    let (pass, drop) = verdicts(kind);
    let chain_index = FunctionIndex(2 * n as u32 + 1);
    let text = "count";
    let line = |text: &str| Line { insn: 0, file: 0, line: 1, column: 1, text: text.into() };
    let main = Function {
        name: format!("main_{n}"),
        kind: FunctionKind::Main,
        program: kind,
        packet_size: PACKET,
        insns: vec![
            insn(0x7a, 10, 0, -16, 7),
            insn(0xbf, 2, 10, 0, 0),
            insn(0x07, 2, 0, 0, -16),
            insn(0x85, 0, 0, 0, 0),
            insn(0x15, 0, 0, 2, 0),
            insn(0xb7, 0, 0, 0, drop),
            insn(0x95, 0, 0, 0, 0),
            insn(0xb7, 0, 0, 0, pass),
            insn(0x95, 0, 0, 0, 0),
        ],
        relocs: vec![Reloc { insn: 3, kind: RelocKind::Call(chain_index) }],
        lines: vec![line("main")],
    };
    let chain = Function {
        name: format!("chain_{n}"),
        kind: FunctionKind::Chain,
        program: kind,
        packet_size: PACKET,
        insns: vec![
            insn(0x15, 2, 0, 13, 0),
            insn(0xbf, 7, 2, 0, 0),
            insn(0x62, 10, 0, -4, slot.chunk as i32),
            insn(0xbf, 2, 10, 0, 0),
            insn(0x07, 2, 0, 0, -4),
            insn(0x18, 1, 0, 0, 0),
            insn(0, 0, 0, 0, 0),
            insn(0x85, 0, 0, 0, 1),
            insn(0x15, 0, 0, 5, 0),
            insn(0xb7, 1, 0, 0, 1),
            insn(0xdb, 0, 1, slot.offset as i16, 0),
            insn(0xb7, 1, 0, 0, BYTES as i32),
            insn(0xdb, 0, 1, slot.offset as i16 + 8, 0),
            insn(0x79, 1, 7, 0, 0),
            insn(0xb7, 0, 0, 0, i32::from(verdict == Verdict::Drop)),
            insn(0x95, 0, 0, 0, 0),
        ],
        relocs: vec![Reloc { insn: 5, kind: RelocKind::Map(MapIndex(0)) }],
        lines: vec![line(text)],
    };
    [main, chain]
}

/// A filter with one program and one rule at each of `points`; rules are called `rule N`, and
/// counted in an order that depends on `shift`, so that replacements move their counters.
pub fn artifact(points: &[AttachPoint], verdict: Verdict, shift: usize) -> Artifact {
    let target = match points[0].kind() {
        ProgramKind::Xdp => "xdp",
        ProgramKind::SchedCls => "tc",
        ProgramKind::Netfilter => "netfilter",
        ProgramKind::CgroupSkb => "cgroup-skb",
    };
    let mut built = Artifact {
        target: target.into(),
        functions: Vec::new(),
        programs: Vec::new(),
        maps: vec![MapDef {
            value_size: 16 * 1024,
            max_entries: 2,
            ..MapDef::new("counters", MapKind::PerCpuArray, MapRole::Counters)
        }],
        sources: vec!["test.rules".into()],
        ..Artifact::default()
    };
    for (n, attach) in points.iter().enumerate() {
        let place = (n + shift) as u32;
        let slot = CounterSlot { chunk: place % 2, offset: 16 * place };
        built.functions.extend(functions(attach.kind(), verdict, slot, n));
        built.programs.push(Program {
            name: format!("program_{n}"),
            attach: *attach,
            entry: FunctionIndex(2 * n as u32),
        });
        built.rules.entries.push(RuleEntry {
            label: format!("filter/TEST:{}", n + 1),
            family: Family::Ipv4.into(),
            table: "filter".into(),
            chain: "TEST".into(),
            hook: None,
            kind: RuleKind::Rule(n as u32 + 1),
            text: format!("rule {n}").into(),
            verdict: String::new(),
            columns: [].into(),
            file: "test.rules".into(),
            line: 1,
            counter: Some(slot),
        });
    }
    built
}

/// The IPv4 input hook of netfilter.
pub fn input(priority: i32) -> AttachPoint {
    AttachPoint::Netfilter { family: Family::Ipv4, hook: Hook::Input, priority }
}

/// The IPv4 output hook of netfilter.
pub fn output(priority: i32) -> AttachPoint {
    AttachPoint::Netfilter { family: Family::Ipv4, hook: Hook::Output, priority }
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A name that no other test has.
pub fn unique(base: &str) -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("test-{base}-{}-{number}", std::process::id())
}

/// Unloads the filter of its name when a test ends, however it ends.
pub struct Cleanup(pub String);

impl Drop for Cleanup {
    fn drop(&mut self) {
        let _ = Filter::unload_named(&self.0);
    }
}

/// A network namespace with lo up. Gone when dropped.
pub struct Net {
    pub name: String,
}

/// Runs `ip`. What it would do in a namespace with `-n NAME` it does in a thread that is there: `ip
/// -n` wants mounts of its own, which a root that is no mount point (chroot) does not give it.
pub fn ip(arguments: &str) {
    if let Some((name, rest)) = arguments.strip_prefix("-n ").and_then(|rest| rest.split_once(' '))
    {
        return within(name, || ip(rest));
    }
    let status = Command::new("ip").args(arguments.split_whitespace()).status();
    assert!(status.is_ok_and(|status| status.success()), "ip {arguments}");
}

/// Runs `action` in a thread of a named network namespace.
fn within<T: Send>(name: &str, action: impl FnOnce() -> T + Send) -> T {
    let file = File::open(format!("/run/netns/{name}")).unwrap();
    std::thread::scope(|scope| {
        scope
            .spawn(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                action()
            })
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Net {
    pub fn new() -> Net {
        let name = unique("net");
        ip(&format!("netns add {name}"));
        let net = Net { name };
        net.ip("link set lo up");
        net
    }

    /// Runs `ip` here.
    pub fn ip(&self, arguments: &str) {
        self.run(|| ip(arguments));
    }

    /// Runs `action` in a thread of this namespace.
    pub fn run<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        within(&self.name, action)
    }

    /// A pair of interfaces, `here` (10.9.0.1) in this namespace and `there` (10.9.0.2) in the
    /// other.
    pub fn pair(&self, other: &Net) {
        self.ip(&format!("link add here type veth peer name there netns {}", other.name));
        for (net, interface, address) in [(self, "here", "10.9.0.1"), (other, "there", "10.9.0.2")]
        {
            net.ip(&format!("addr add {address}/24 dev {interface}"));
            net.ip(&format!("link set {interface} up"));
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// How long the kernel gets for what it does at once on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A UDP socket that gives up waiting after a while.
pub fn udp(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket
}

/// Whether a packet waits for a processor: `qlen` of each line (net/core/net-procfs.c).
fn is_queued() -> bool {
    let queues = std::fs::read_to_string("/proc/net/softnet_stat").unwrap();
    queues.lines().any(|line| line.split(' ').nth(11).is_some_and(|length| length != "00000000"))
}

/// Sends a datagram in the namespace of the calling thread over lo and says if it came through: no
/// is the answer only once no packet has waited for a processor for a while.
pub fn passes() -> bool {
    let (from, to) = (udp("127.0.0.1:0"), udp("127.0.0.1:0"));
    if from.send_to(b"packet", to.local_addr().unwrap()).is_err() {
        return false;
    }
    loop {
        let queued = is_queued();
        if to.recv(&mut [0; 64]).is_ok() {
            return true;
        }
        if !queued {
            return false;
        }
    }
}

/// How many packets the kernel has dropped because a queue was full, at the interfaces of the
/// calling thread's namespace (net/core/net-procfs.c): a busy machine loses what nobody filters.
pub fn lost() -> u64 {
    let devices = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    let numbers = devices.lines().filter_map(|line| line.split_once(':'));
    // The drops among eight numbers of what was received, and of what was sent.
    let drops = |numbers: &str| {
        let numbers: Vec<u64> =
            numbers.split_whitespace().map(|number| number.parse().unwrap()).collect();
        numbers[3] + numbers[11]
    };
    numbers.map(|(_, numbers)| drops(numbers)).sum()
}
