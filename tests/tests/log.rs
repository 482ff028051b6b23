//! What rules log, against what the kernel's own rules log of the very same packets: lines of the
//! kernel's log, and messages of its groups.
//!
//! `BPFC_SEED` chooses the packets, `BPFC_LOG_PACKETS` how many there are.

use bpfc_runtime::{Error, Filter, LogKind, LogReader, LogRecord, XdpMode};
use bpfc_tests::differential::Ruleset;
use bpfc_tests::differential::compile::artifact;
use bpfc_tests::differential::live::Live;
use bpfc_tests::generate::draft::{Draft, protocol};
use bpfc_tests::generate::errors::errors;
use bpfc_tests::generate::matches::{Facets, MATCHES, Maker};
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::kernel_log::{AllNamespaces, KernelLog, Turn};
use bpfc_tests::lab::namespace::{isolated, sysctl};
use bpfc_tests::lab::nflog::{Heard, Listener};
use bpfc_tests::lab::oracle::{Oracle, Stage};
use bpfc_tests::lab::{Family, tables};
use bpfc_tests::require::{self, Need};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::cell::RefCell;
use std::net::UdpSocket;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

fn main() {
    let arguments = Arguments::from_args();
    let log = require::met(require::KERNEL_IPTABLES) && require::met(&[Need::KernelLog]);
    let setting = match log && !arguments.list {
        true => AllNamespaces::allow().ok(),
        false => None,
    };
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in Stage::STATELESS {
            for &target in targets(stage) {
                let name = format!("line_{target}_{family}_{stage:?}").to_lowercase();
                let body = move || lines(family, stage, target);
                trials.push(trial(name, require::KERNEL_IPTABLES, log, body));
            }
        }
        for target in ["netfilter", "tc", "xdp"] {
            let name = format!("trace_{target}_{family}");
            let body = move || trace(family, target);
            trials.push(trial(name, require::KERNEL_IPTABLES, log, body));
        }
        for stage in [Stage::Input, Stage::Forward, Stage::Output] {
            let name = format!("group_{family}_{stage:?}").to_lowercase();
            trials.push(trial(name, require::KERNEL_IPTABLES, true, move || groups(family, stage)));
        }
    }
    for target in ["netfilter", "tc", "xdp"] {
        let name = format!("fingerprint_{target}");
        trials.push(trial(name, require::KERNEL_IPTABLES, log, move || fingerprint(target)));
    }
    let needs = require::KERNEL_IPTABLES;
    trials.push(trial("lost_records_are_counted".to_owned(), needs, true, lost));
    trials.push(trial("two_processors_lose_nothing_unseen".to_owned(), needs, true, two));
    trials.push(trial("a_replacement_keeps_records".to_owned(), needs, true, replaced));
    trials.push(trial("a_reader_can_be_polled".to_owned(), needs, true, polled));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(setting);
    conclusion.exit();
}

fn trial(
    name: String,
    needs: &'static [Need],
    runs: bool,
    body: impl Fn() -> Result<(), Failed> + Send + Sync + 'static,
) -> Trial {
    Trial::test(name, move || {
        if runs && require::met(needs) {
            isolated(&body)?;
        }
        Ok(())
    })
}

/// The targets that see at a stage what the kernel's own rules see.
fn targets(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::Prerouting | Stage::Input => &["netfilter", "tc", "xdp"],
        Stage::Output => &["netfilter", "tc"],
        _ => &["netfilter"],
    }
}

/// Frames that reach a stage.
fn frames(oracle: &mut Oracle, rng: &mut Rng) -> Result<Vec<Frame>, Failed> {
    let number = require::number("BPFC_LOG_PACKETS", 400) as usize;
    let (family, stage) = (oracle.family(), oracle.stage());
    let mut frames = packets(rng, Shape::new(family, stage), &[], number);
    frames.extend(errors(rng, family, stage, number));
    let arrived = oracle.arrivals(&frames)?;
    let frames = frames.into_iter().zip(arrived).filter_map(|(f, here)| here.then_some(f));
    Ok(frames.collect())
}

fn all(reader: &mut LogReader) -> Result<Vec<LogRecord>, Error> {
    let mut records = Vec::new();
    while let Some(record) = reader.next(Some(Duration::ZERO))? {
        records.push(record);
    }
    Ok(records)
}

fn load(
    oracle: &Rc<RefCell<Oracle>>,
    ruleset: &Ruleset,
    target: &'static str,
) -> Result<Filter, Failed> {
    let options = Live::new(oracle, target, XdpMode::Auto).options(ruleset.stage);
    Ok(Filter::load(&artifact(ruleset, target, &[])?, &options)?)
}

/// Sends packets and gives what the filter has recorded of them, as the kernel's log would show it,
/// and what the kernel's log has of them: as many lines as `is_ours` finds, where there are so
/// many. Where others overwrite the log meanwhile, they are sent again, which changes nothing for
/// rules that remember nothing.
fn logged(
    oracle: &mut Oracle,
    (reader, log): (&mut LogReader, &mut KernelLog),
    frames: &[Frame],
    (prefix, is_ours): (&str, &dyn Fn(&String) -> bool),
) -> Result<(Vec<LogRecord>, Vec<String>), Failed> {
    const AGAIN: u32 = 20;
    let _turn = Turn::take()?;
    for _ in 0..AGAIN {
        // Lines of others may begin with the same words.
        log.lines(prefix)?;
        log.is_overwritten();
        oracle.run(frames)?;
        let records = all(reader)?;
        let (mut lines, mut whole) = (Vec::new(), true);
        while whole && lines.len() < records.len() {
            let more = log.expect(prefix, records.len() - lines.len())?;
            whole = !log.is_overwritten();
            if more.is_empty() {
                break;
            }
            lines.extend(more.into_iter().filter(|line| is_ours(line)));
        }
        lines.extend(log.lines(prefix)?.into_iter().filter(|line| is_ours(line)));
        if whole && !log.is_overwritten() {
            return Ok((records, lines));
        }
    }
    Err("others overwrite the kernel's log again and again".into())
}

fn lines(family: Family, stage: Stage, target: &'static str) -> Result<(), Failed> {
    let oracle = Rc::new(RefCell::new(Oracle::new(family, stage)?));
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let mut frames = frames(&mut oracle.borrow_mut(), &mut rng)?;
    if target != "netfilter" && stage == Stage::Input {
        // Before its hooks the kernel fills in what IPv4 options ask for.
        frames.retain(|frame| family == Family::Ipv6 || frame.bytes[14] == 0x45);
    }
    let (table, chain) = (stage.table(), stage.chain());
    let prefix = format!("{target}-{family}-{stage:?}-{}", std::process::id());
    let prefix = &prefix[..prefix.len().min(20)];
    let all_flags = "--log-tcp-sequence --log-tcp-options --log-ip-options --log-uid";
    let rule = |number: u32, options: &str| {
        format!("-A {chain} -j LOG --log-level 7 --log-prefix \"{prefix} {number}:\" {options}\n")
    };
    let text = format!(
        "*{table}\n:{chain} ACCEPT [0:0]\n{}{}{}COMMIT\n",
        rule(1, ""),
        rule(2, all_flags),
        rule(3, "--log-macdecode"),
    );
    let ruleset = Ruleset { family, stage, text };
    let filter = load(&oracle, &ruleset, target)?;
    let mut reader = filter.log()?;
    let mut log = KernelLog::open()?;
    let mut oracle = oracle.borrow_mut();
    oracle.load(&ruleset.text)?;
    if target == "netfilter" && matches!(stage, Stage::Input | Stage::Forward) {
        // Its priority is before that of bpfc and of the table under test.
        let marks = "*mangle\n:PREROUTING ACCEPT\n\
                     -A PREROUTING -i eth1 -j MARK --set-mark 0x8000abc\nCOMMIT\n";
        tables::restore(family, marks)?;
    }
    let mut compared = 0;
    for frames in frames.chunks(20) {
        let logs = (&mut reader, &mut log);
        let (found, expected) = logged(&mut oracle, logs, frames, (prefix, &|_| true))?;
        let found: Vec<String> = found.iter().map(LogRecord::line).collect();
        for (expected, found) in expected.iter().zip(&found) {
            if expected != &escaped(found) {
                return Err(format!("the kernel: {expected:?}\nhere:       {found:?}").into());
            }
        }
        if expected.len() != found.len() {
            return Err(format!("{} lines, not {}", found.len(), expected.len()).into());
        }
        compared += found.len();
    }
    if compared != frames.len() * 3 || compared == 0 {
        return Err(format!("{compared} lines of {} packets", frames.len()).into());
    }
    Ok(filter.unload()?)
}

/// How the kernel's lines about traced packets in the raw table begin.
const TRACED: &str = "TRACE: raw:";

/// The rules of a table that traced packets meet, line by line.
fn trace(family: Family, target: &'static str) -> Result<(), Failed> {
    let stage = Stage::Prerouting;
    let oracle = Rc::new(RefCell::new(Oracle::new(family, stage)?));
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let mut frames = frames(&mut oracle.borrow_mut(), &mut rng)?;
    frames.truncate(200);
    let text = "*raw\n:PREROUTING ACCEPT [0:0]\n\
                :U - [0:0]\n:V - [0:0]\n:W - [0:0]\n:X - [0:0]\n\
                -A PREROUTING -p tcp -j TRACE\n-A PREROUTING -p udp -j TRACE\n\
                -A PREROUTING -j U\n-A PREROUTING -j V\n-A PREROUTING -p tcp -j ACCEPT\n\
                -A PREROUTING -p udp -g X\n-A PREROUTING\n\
                -A U -p tcp\n-A U -p udp -j RETURN\n-A U -j RETURN\n\
                -A V -p tcp -j W\n-A V -p udp\n-A X -p udp\nCOMMIT\n";
    let ruleset = Ruleset { family, stage, text: text.to_owned() };
    let filter = load(&oracle, &ruleset, target)?;
    let mut reader = filter.log()?;
    let mut log = KernelLog::open()?;
    let mut oracle = oracle.borrow_mut();
    oracle.load(&ruleset.text)?;
    let mut compared = 0;
    for frames in frames.chunks(10) {
        let logs = (&mut reader, &mut log);
        let (found, expected) = logged(&mut oracle, logs, frames, (TRACED, &|_| true))?;
        if let Some(record) = found.iter().find(|record| record.trace.is_none()) {
            return Err(format!("without a number: {}", record.line()).into());
        }
        let found: Vec<String> = found.iter().map(|record| escaped(&record.line())).collect();
        if expected != found {
            return Err(format!("the kernel: {expected:#?}\nhere:       {found:#?}").into());
        }
        compared += found.len();
    }
    match compared {
        0 => Err("no packet was traced".into()),
        _ => Ok(filter.unload()?),
    }
}

/// Lines about fingerprints, each level with each test of the time to live, and no others.
fn fingerprint(target: &'static str) -> Result<(), Failed> {
    let stage = Stage::Input;
    let oracle = Rc::new(RefCell::new(Oracle::new(Family::Ipv4, stage)?));
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let mut facets = Facets::default();
    let kind = MATCHES.iter().find(|kind| kind.name == "osf").ok_or("no osf")?;
    for _ in 0..8 {
        let mut maker = Maker {
            rng: &mut rng,
            family: Family::Ipv4,
            protocol: Some(protocol::TCP),
            orderly: false,
            stage,
            facets: &mut facets,
        };
        (kind.make)(&mut maker);
    }
    let shape = Shape::new(Family::Ipv4, stage);
    let frames = packets(&mut rng, shape, &facets.list, 300);
    let arrived = oracle.borrow_mut().arrivals(&frames)?;
    // Before its hooks the kernel fills in what IPv4 options ask for.
    let frames = frames.into_iter().zip(arrived).filter(|(frame, _)| frame.bytes[14] == 0x45);
    let mut frames: Vec<Frame> = frames.filter_map(|(f, here)| here.then_some(f)).collect();
    let mut strangers = oracle.borrow_mut().strangers(&frames)?.into_iter();
    frames.retain(|_| strangers.next() == Some(false));
    // From here on it is logged.
    sysctl("netfilter/nf_log/2", "nf_log_ipv4")?;
    let rules: Vec<String> = (0..9)
        .map(|number| {
            let (log, ttl) = (number % 3, number / 3);
            format!("-A INPUT -p tcp -m osf --genre Omega --log {log} --ttl {ttl}\n")
        })
        .collect();
    let ruleset = logging(&rules.concat());
    let filter = load(&oracle, &ruleset, target)?;
    let mut reader = filter.log()?;
    let mut log = KernelLog::open()?;
    let mut oracle = oracle.borrow_mut();
    oracle.load(&ruleset.text)?;
    let (mut known, mut unknown) = (0, 0);
    for frames in frames.chunks(5) {
        let is_ours = |line: &String| line.contains("hops=") || line.contains("is not known");
        let logs = (&mut reader, &mut log);
        let (found, expected) = logged(&mut oracle, logs, frames, ("", &is_ours))?;
        if found.iter().any(|record| record.kind != LogKind::Syslog { level: 5 }) {
            return Err("a line of another level".into());
        }
        let found: Vec<String> = found.iter().map(|record| escaped(&record.line())).collect();
        if let Some((expected, found)) = expected.iter().zip(&found).find(|(e, f)| e != f) {
            return Err(format!("the kernel: {expected:?}\nhere:       {found:?}").into());
        }
        if expected.len() != found.len() {
            return Err(format!("{} lines, not {}", found.len(), expected.len()).into());
        }
        unknown += found.iter().filter(|line| line.contains("is not known")).count();
        known += found.iter().filter(|line| line.contains("hops=")).count();
    }
    match known.min(unknown) {
        0 => Err(format!("{known} known, {unknown} unknown packets").into()),
        _ => Ok(filter.unload()?),
    }
}

/// As the device shows a line: what does not print, and backslashes, in hexadecimal.
fn escaped(line: &str) -> String {
    let escape = |byte: u8| match byte {
        b'\\' | 0..=31 | 127.. => format!("\\x{byte:02x}"),
        byte => char::from(byte).to_string(),
    };
    line.bytes().map(escape).collect()
}

fn groups(family: Family, stage: Stage) -> Result<(), Failed> {
    const GROUP: u16 = 7;
    let oracle = Rc::new(RefCell::new(Oracle::new(family, stage)?));
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let mut frames = frames(&mut oracle.borrow_mut(), &mut rng)?;
    frames.truncate(200);
    let mut long = Draft::new(family);
    long.payload = vec![7; 1400];
    frames.push(long.frame());
    let (table, chain) = (stage.table(), stage.chain());
    let text = format!(
        "*{table}\n:{chain} ACCEPT [0:0]\n\
         -A {chain} -j NFLOG --nflog-group {GROUP} --nflog-prefix \"all of it\"\n\
         -A {chain} -j NFLOG --nflog-group {GROUP} --nflog-size 33\n\
         -A {chain} -j NFLOG --nflog-group {GROUP} --nflog-size 0 --nflog-prefix none\n\
         COMMIT\n",
    );
    let ruleset = Ruleset { family, stage, text };
    let listener = Listener::new(GROUP)?;
    let filter = load(&oracle, &ruleset, "netfilter")?;
    let mut reader = filter.log()?;
    let mut oracle = oracle.borrow_mut();
    oracle.load(&ruleset.text)?;
    let mut compared = 0;
    for frames in frames.chunks(20) {
        oracle.run(frames)?;
        let expected = listener.hear()?;
        let found: Vec<Heard> = all(&mut reader)?.iter().map(heard).collect();
        if let Some((expected, found)) = expected.iter().zip(&found).find(|(e, f)| e != f) {
            return Err(format!("the kernel: {expected:?}\nhere:       {found:?}").into());
        }
        if expected.len() != found.len() {
            return Err(format!("{} records, not {}", found.len(), expected.len()).into());
        }
        compared += found.len();
    }
    if compared != frames.len() * 3 {
        return Err(format!("{compared} records of {} packets", frames.len()).into());
    }
    Ok(filter.unload()?)
}

/// A record as a listener would have heard it.
fn heard(record: &LogRecord) -> Heard {
    let group = match record.kind {
        LogKind::Group { group, .. } => group,
        LogKind::Syslog { .. } | LogKind::Trace => 0,
    };
    // Netlink messages have a link header where the packet came in.
    let link = record.input.is_some() && record.link.gap.is_some();
    Heard {
        group,
        prefix: record.prefix.clone(),
        input: record.input.as_ref().map_or(0, |interface| interface.index),
        output: record.output.as_ref().map_or(0, |interface| interface.index),
        mark: record.mark,
        owner: record.owner,
        link: link.then(|| (record.link.kind, record.link.bytes.clone())),
        payload: record.packet.clone(),
    }
}

/// TCP packets to the ports given.
fn to_ports(ports: std::ops::Range<u16>) -> Vec<Frame> {
    let frame = |port| {
        let mut draft = Draft::new(Family::Ipv4);
        draft.become_protocol(protocol::TCP);
        draft.tcp().destination = port;
        draft.frame()
    };
    ports.map(frame).collect()
}

fn logging(rules: &str) -> Ruleset {
    let text = format!("*filter\n:INPUT ACCEPT [0:0]\n{rules}COMMIT\n");
    Ruleset { family: Family::Ipv4, stage: Stage::Input, text }
}

fn lost() -> Result<(), Failed> {
    let sent: u64 = 3000;
    let oracle = Rc::new(RefCell::new(Oracle::new(Family::Ipv4, Stage::Input)?));
    let rules = "-A INPUT -p tcp -j LOG\n-A INPUT -p tcp -j NFLOG --nflog-size 20\n";
    let filter = load(&oracle, &logging(rules), "netfilter")?;
    oracle.borrow_mut().run(&to_ports(1..sent as u16 + 1))?;
    let mut reader = filter.log()?;
    let read = all(&mut reader)?.len() as u64;
    let lost = filter.log_lost()?;
    let counted: u64 = filter.counters()?.iter().take(2).map(|(_, count)| count.packets).sum();
    assert_eq!(counted, 2 * sent);
    assert!(lost.total > 0, "nothing was lost");
    assert_eq!(read + lost.total, 2 * sent, "{read} read, {lost:?}");
    assert_eq!(lost.rules.iter().map(|(_, count)| count).sum::<u64>(), lost.total);
    assert_eq!(lost.rules[0].0, "filter/INPUT:1");
    assert_eq!(reader.lost()?, lost.total);
    // There is room again.
    oracle.borrow_mut().run(&to_ports(1..11))?;
    assert_eq!(all(&mut reader)?.len(), 20);
    assert_eq!(reader.lost()?, lost.total);
    assert!(filter.log().is_err(), "there are two readers");
    drop(reader);
    filter.log()?;
    Ok(filter.unload()?)
}

/// Two processors send while a third thread reads: each packet is read or counted as lost.
fn two() -> Result<(), Failed> {
    const EACH: u64 = 20_000;
    let oracle = Rc::new(RefCell::new(Oracle::new(Family::Ipv4, Stage::Input)?));
    let text = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -j LOG\nCOMMIT\n".to_owned();
    let ruleset = Ruleset { family: Family::Ipv4, stage: Stage::Input, text };
    // What the host sends itself is dropped elsewhere.
    tables::restore(Family::Ipv4, "*raw\n:OUTPUT ACCEPT\nCOMMIT\n")?;
    let filter = load(&oracle, &ruleset, "netfilter")?;
    let mut reader = filter.log()?;
    let send = |processor: usize| {
        let mut set = CpuSet::new();
        // A machine of one processor runs both there.
        if set.set(processor).is_ok() {
            let _ = sched_setaffinity(Pid::from_raw(0), &set);
        }
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        // A closed port may be said to be one.
        let sent = (0..EACH).filter(|_| {
            let send = || socket.send_to(b"x", "127.0.0.1:9");
            send().or_else(|_| send()).is_ok()
        });
        Ok::<u64, std::io::Error>(sent.count() as u64)
    };
    let (sent, mut read) = std::thread::scope(|scope| {
        let senders = [0, 1].map(|processor| scope.spawn(move || send(processor)));
        let mut read = 0;
        while !senders.iter().all(|sender| sender.is_finished()) {
            if reader.next(Some(Duration::from_millis(1)))?.is_some() {
                read += 1;
            }
        }
        let mut sent = 0;
        for sender in senders {
            sent += sender.join().map_err(|_| "a sender panicked")??;
        }
        Ok::<(u64, u64), Failed>((sent, read))
    })?;
    read += all(&mut reader)?.len() as u64;
    let counted = filter.counters()?.find("filter/INPUT:1").map_or(0, |count| count.packets);
    let lost = filter.log_lost()?.total;
    assert_eq!((counted, sent), (2 * EACH, 2 * EACH));
    assert_eq!(read + lost, sent, "{read} read, {lost} lost");
    Ok(filter.unload()?)
}

fn replaced() -> Result<(), Failed> {
    let oracle = Rc::new(RefCell::new(Oracle::new(Family::Ipv4, Stage::Input)?));
    let old = logging("-A INPUT -j LOG --log-prefix old\n");
    let new = logging("-A INPUT -s 10.9.9.9\n-A INPUT -j LOG --log-prefix new\n");
    let filter = load(&oracle, &old, "netfilter")?;
    let run = |count: u16| oracle.borrow_mut().run(&to_ports(1..1 + count)).map(drop);
    run(3)?;
    let mut reader = filter.log()?;
    assert_eq!(reader.next(Some(Duration::ZERO))?.map(|record| record.prefix), Some("old".into()));
    filter.replace(&artifact(&new, "netfilter", &[])?)?;
    run(2)?;
    let found = all(&mut reader)?;
    let named = |record: &LogRecord| (record.prefix.clone(), record.rule.clone());
    let found: Vec<_> = found.iter().map(named).collect();
    let expected =
        |prefix: &str, number: u32| (prefix.to_owned(), format!("filter/INPUT:{number}"));
    assert_eq!(
        found,
        [expected("old", 1), expected("old", 1), expected("new", 2), expected("new", 2)]
    );
    // A reader that waits learns of a replacement that logs nothing, and of the end.
    filter.replace(&artifact(&logging(""), "netfilter", &[])?)?;
    assert!(matches!(reader.next(None), Err(Error::Options(_))));
    filter.replace(&artifact(&new, "netfilter", &[])?)?;
    drop(reader);
    let mut reader = filter.log()?;
    run(1)?;
    assert!(reader.next(None)?.is_some());
    filter.unload()?;
    assert!(matches!(reader.next(None), Err(Error::NotFound(_))));
    Ok(())
}

/// Whether a descriptor becomes readable within a time.
fn readable(fd: BorrowedFd<'_>, timeout: Duration) -> Result<bool, std::io::Error> {
    let timeout = Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: 0 };
    let mut asked = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    Ok(poll(&mut asked, Some(&timeout))? > 0 && asked[0].revents().contains(PollFlags::IN))
}

/// The descriptor says when there is a record, and then only; who never waits learns of the end.
fn polled() -> Result<(), Failed> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let oracle = Rc::new(RefCell::new(Oracle::new(Family::Ipv4, Stage::Input)?));
    let filter = load(&oracle, &logging("-A INPUT -p tcp -j LOG\n"), "netfilter")?;
    let mut reader = filter.log()?;
    let run = |count: u16| oracle.borrow_mut().run(&to_ports(1..1 + count)).map(drop);
    assert!(!readable(reader.as_fd(), Duration::ZERO)?);
    run(2)?;
    assert!(readable(reader.as_fd(), PATIENCE)?);
    assert_eq!(all(&mut reader)?.len(), 2);
    assert!(!readable(reader.as_fd(), Duration::ZERO)?);
    // Somebody who waits already is woken.
    let fd = reader.as_fd();
    let woken = std::thread::scope(|scope| {
        let waiter = scope.spawn(move || readable(fd, PATIENCE));
        run(1)?;
        let woken = waiter.join().map_err(|_| "the waiter panicked")?;
        Ok::<bool, Failed>(woken?)
    })?;
    assert!(woken, "nobody was woken");
    assert_eq!(all(&mut reader)?.len(), 1);

    filter.unload()?;
    let start = Instant::now();
    let end = loop {
        match reader.next(Some(Duration::ZERO)) {
            Ok(None) if start.elapsed() < PATIENCE => {}
            end => break end,
        }
    };
    assert!(matches!(end, Err(Error::NotFound(_))), "{end:?}");
    Ok(())
}
