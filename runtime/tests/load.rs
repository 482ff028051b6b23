//! Loading, attaching, counting, replacing and unloading on the running kernel.

mod common;

use bpfc_artifact::{AttachPoint, KernelField, Reloc, RelocKind};
use bpfc_runtime::{Error, Filter, Options, Place, TestPacket, Unattached, XdpMode};
use common::{
    BYTES, Cleanup, Net, PATIENCE, Verdict, artifact, can_run, has_cgroup2, has_linux, input,
    inside, output, passes, udp, unique,
};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

fn packet() -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[12..15].copy_from_slice(&[8, 0, 0x45]);
    bytes
}

#[test]
fn every_kind_of_program_loads_and_runs() {
    if !can_run("every_kind_of_program_loads_and_runs") {
        return;
    }
    let kinds = [
        (AttachPoint::Xdp, 1),
        (AttachPoint::TcIngress, 2),
        (AttachPoint::TcEgress, 2),
        (AttachPoint::CgroupIngress, 0),
        (AttachPoint::CgroupEgress, 0),
        (input(7), 0),
        (output(7), 0),
    ];
    for (point, drop) in kinds {
        if matches!(point, AttachPoint::Netfilter { .. }) && !has_linux("netfilter", 6, 4) {
            continue;
        }
        let mut loaded = Unattached::load(&artifact(&[point], Verdict::Drop, 3)).unwrap();
        let data = packet();
        let test = TestPacket { data: &data, ..TestPacket::default() };
        let outcome = loaded.run(0, &test, 5).unwrap();
        assert_eq!(outcome.verdict, drop, "{point:?}");
        let count = loaded.counters().unwrap().find("filter/TEST:1").unwrap();
        assert_eq!((count.packets, count.bytes), (5, 5 * BYTES), "{point:?}");
        loaded.zero().unwrap();
        loaded.run(0, &test, 1).unwrap();
        let count = loaded.counters().unwrap().find("filter/TEST:1").unwrap();
        assert_eq!(count.packets, 1, "{point:?}");
    }
}

#[test]
fn a_netfilter_filter_lives_through_everything() {
    if !can_run("a_netfilter_filter_lives_through_everything")
        || !has_linux("a_netfilter_filter_lives_through_everything", 6, 4)
    {
        return;
    }
    let name = unique("life");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    net.run(|| {
        assert!(passes());
        let options = Options::new(&name);
        let points = [input(11), output(12)];
        let filter = Filter::load(&artifact(&points, Verdict::Accept, 0), &options).unwrap();
        assert!(matches!(
            Filter::load(&artifact(&points, Verdict::Accept, 0), &options),
            Err(Error::Exists(_))
        ));
        for _ in 0..3 {
            assert!(passes());
        }
        // Another process would find it by name.
        drop(filter);
        let filter = Filter::open(&name).unwrap();
        assert!(Filter::list().unwrap().iter().any(|found| found.name() == name));
        let status = filter.status().unwrap();
        assert_eq!((status.programs.len(), status.attachments.len(), status.rules), (2, 2, 2));
        assert!(status.attachments.iter().all(|found| found.attached));
        let packets = |filter: &Filter, rule: u32| {
            filter.counters().unwrap().find(&format!("filter/TEST:{rule}")).unwrap().packets
        };
        assert_eq!((packets(&filter, 1), packets(&filter, 2)), (3, 3));

        // The same rules at other counters keep their counts; what they do is new at once.
        filter.replace(&artifact(&points, Verdict::Drop, 5)).unwrap();
        assert!(!passes());
        assert_eq!((packets(&filter, 1), packets(&filter, 2)), (3, 4));

        let zeroed = filter.zero().unwrap();
        assert_eq!(zeroed.find("filter/TEST:2").unwrap().packets, 4);
        assert_eq!((packets(&filter, 1), packets(&filter, 2)), (0, 0));
        assert!(!passes());
        assert_eq!(packets(&filter, 2), 1);

        // Elsewhere: output only, then input only.
        filter.replace(&artifact(&[output(12)], Verdict::Drop, 1)).unwrap();
        assert!(!passes());
        assert_eq!(filter.status().unwrap().attachments.len(), 1);
        filter.replace(&artifact(&[input(13)], Verdict::Accept, 2)).unwrap();
        assert!(passes());
        assert_eq!(filter.counters().unwrap().iter().count(), 1);

        filter.replace(&artifact(&[input(13)], Verdict::Drop, 2)).unwrap();
        assert!(!passes());
        filter.unload().unwrap();
        assert!(passes());
        assert!(matches!(Filter::open(&name), Err(Error::NotFound(_))));
    });
}

#[test]
fn a_failed_replacement_changes_nothing() {
    if !can_run("a_failed_replacement_changes_nothing")
        || !has_linux("a_failed_replacement_changes_nothing", 6, 4)
    {
        return;
    }
    let name = unique("failed");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    net.run(|| {
        let options = Options::new(&name);
        let good = artifact(&[input(21)], Verdict::Drop, 0);
        let filter = Filter::load(&good, &options).unwrap();
        assert!(!passes());

        let mut refused = artifact(&[input(21)], Verdict::Accept, 0);
        refused.functions[1].insns[0].off = 0;
        refused.functions[1].lines[0].text = "-A INPUT -j ACCEPT".into();
        match filter.replace(&refused) {
            Err(Error::Verifier(error)) => {
                assert!(error.to_string().contains("invalid mem access"), "{error}");
                assert!(error.log.contains("-A INPUT -j ACCEPT"), "{}", error.log);
            }
            other => panic!("{other:?}"),
        }
        let mut damaged = artifact(&[input(21)], Verdict::Accept, 0);
        damaged.functions[0].relocs[0].insn = 1000;
        assert!(matches!(filter.replace(&damaged), Err(Error::Artifact(_))));
        let mut outside = artifact(&[input(21)], Verdict::Accept, 0);
        outside.maps[0].value_size = 8;
        assert!(matches!(filter.replace(&outside), Err(Error::Artifact(_))));

        // A place that someone else has: nothing of the other place changes.
        let other = unique("other");
        let _other = Cleanup(other.clone());
        Filter::load(&artifact(&[output(22)], Verdict::Accept, 0), &Options::new(&other)).unwrap();
        let taken = artifact(&[input(21), output(22)], Verdict::Accept, 0);
        match filter.replace(&taken) {
            Err(Error::Occupied { place, .. }) => assert!(place.contains("output"), "{place}"),
            other => panic!("{other:?}"),
        }
        assert!(!passes());
        assert_eq!(filter.status().unwrap().attachments.len(), 1);
        assert_eq!(filter.counters().unwrap().find("filter/TEST:1").unwrap().packets, 2);
    });
    match Filter::open(&name).unwrap().replace(&artifact(&[input(21)], Verdict::Accept, 0)) {
        Err(Error::Namespace(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// Sends three datagrams from the other end of a pair.
fn send(here: &Net, there: &Net) -> UdpSocket {
    let to = here.run(|| udp("10.9.0.1:0"));
    let address = to.local_addr().unwrap();
    there.run(|| {
        let from = udp("10.9.0.2:0");
        for _ in 0..3 {
            from.send_to(b"packet", address).unwrap();
        }
    });
    to
}

/// Sends from the other end of a pair and waits for what is sent; fails where it does not come.
fn arrives(here: &Net, there: &Net) {
    let to = send(here, there);
    to.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        to.recv(&mut [0; 64]).expect("a datagram comes through");
    }
}

/// Waits until a pair that has just been made carries packets: what is sent before is lost.
fn comes_up(here: &Net, there: &Net) {
    let start = Instant::now();
    while send(here, there).recv(&mut [0; 64]).is_err() {
        assert!(start.elapsed() < PATIENCE, "the pair does not come up");
    }
}

/// The same where a filter shall drop all that comes: it counts so many packets at least, and
/// nothing comes through. Where the pair has never talked, the first packet asks for the neighbour
/// and is dropped, so that no other follows.
fn is_dropped(here: &Net, there: &Net, filter: &Filter, packets: u64) {
    let count = || filter.counters().unwrap().find("filter/TEST:1").unwrap().packets;
    let before = count();
    let to = send(here, there);
    let start = Instant::now();
    while count() < before + packets {
        assert!(start.elapsed() < PATIENCE, "nothing is counted");
        std::thread::sleep(Duration::from_millis(1));
    }
    for _ in 0..3 {
        assert!(to.recv(&mut [0; 64]).is_err(), "a datagram comes through");
    }
}

fn on_interface(points: &[AttachPoint], mode: XdpMode) {
    let name = unique("interface");
    let _cleanup = Cleanup(name.clone());
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    comes_up(&here, &there);
    let mut options = Options::new(&name).interface("here");
    options.xdp_mode = mode;
    here.run(|| {
        let nothing = Options::new(&name);
        assert!(matches!(
            Filter::load(&artifact(points, Verdict::Drop, 0), &nothing),
            Err(Error::Options(_))
        ));
        let missing = Options::new(&name).interface("nowhere");
        assert!(matches!(
            Filter::load(&artifact(points, Verdict::Drop, 0), &missing),
            Err(Error::NoInterface { .. })
        ));
        Filter::load(&artifact(points, Verdict::Accept, 0), &options).unwrap();
    });
    let filter = Filter::open(&name).unwrap();
    arrives(&here, &there);
    assert!(filter.counters().unwrap().find("filter/TEST:1").unwrap().packets >= 3);
    here.run(|| filter.replace(&artifact(points, Verdict::Drop, 9)).unwrap());
    is_dropped(&here, &there, &filter, 3);
    let status = filter.status().unwrap();
    if let Place::Xdp { mode: found, .. } = &status.attachments[0].attachment.place {
        assert_ne!(*found, XdpMode::Auto);
        assert!(mode == XdpMode::Auto || mode == *found);
    }
    filter.unload().unwrap();
    arrives(&here, &there);
}

#[test]
fn xdp_in_the_driver() {
    if can_run("xdp_in_the_driver") {
        on_interface(&[AttachPoint::Xdp], XdpMode::Auto);
        on_interface(&[AttachPoint::Xdp], XdpMode::Native);
    }
}

#[test]
fn xdp_in_the_stack() {
    if can_run("xdp_in_the_stack") {
        on_interface(&[AttachPoint::Xdp], XdpMode::Generic);
    }
}

#[test]
fn tc_in_both_directions() {
    if can_run("tc_in_both_directions") && has_linux("tc_in_both_directions", 6, 6) {
        on_interface(&[AttachPoint::TcIngress], XdpMode::Auto);
        on_interface(&[AttachPoint::TcIngress, AttachPoint::TcEgress], XdpMode::Auto);
    }
}

#[test]
fn a_cgroup_both_ways() {
    if !can_run("a_cgroup_both_ways") {
        return;
    }
    if !has_cgroup2() {
        return;
    }
    let name = unique("cgroup");
    let _cleanup = Cleanup(name.clone());
    let group = bpfc_runtime::control_groups().expect("cgroup2 is mounted").join(&name);
    std::fs::create_dir(&group).unwrap();
    let mut options = Options::new(&name);
    options.cgroup = group.clone();
    let points = [AttachPoint::CgroupIngress, AttachPoint::CgroupEgress];
    let filter = Filter::load(&artifact(&points, Verdict::Accept, 0), &options).unwrap();
    // A child in the group pings itself.
    let ping = || {
        let mut command = inside(&group, "sends");
        command.env("BPFC_TEST_SEND", "1").stdout(std::process::Stdio::null());
        command.status().unwrap().success()
    };
    assert!(ping());
    let counters = filter.counters().unwrap();
    let counts: Vec<u64> = counters.iter().map(|(_, count)| count.packets).collect();
    assert_eq!(counts, [1, 1]);
    filter.replace(&artifact(&points[..1], Verdict::Drop, 4)).unwrap();
    assert!(!ping());
    assert_eq!(filter.counters().unwrap().find("filter/TEST:1").unwrap().packets, 2);
    filter.unload().unwrap();
    assert!(ping());
    std::fs::remove_dir(&group).unwrap();
}

/// Not a test by itself: sends one packet, in the cgroup that it was started in.
#[test]
fn sends() {
    if std::env::var_os("BPFC_TEST_SEND").is_some() {
        assert!(passes());
    }
}

#[test]
fn two_xdp_filters_do_not_fit() {
    if !can_run("two_xdp_filters_do_not_fit") {
        return;
    }
    let (first, second) = (unique("first"), unique("second"));
    let _cleanup = (Cleanup(first.clone()), Cleanup(second.clone()));
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    here.run(|| {
        let load = |name: &str| {
            let options = Options::new(name).interface("here");
            Filter::load(&artifact(&[AttachPoint::Xdp], Verdict::Drop, 0), &options)
        };
        load(&first).unwrap();
        match load(&second) {
            Err(Error::Occupied { reason, .. }) => {
                assert!(reason.contains("program_0"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(Filter::open(&second), Err(Error::NotFound(_))));
    });
    is_dropped(&here, &there, &Filter::open(&first).unwrap(), 1);
}

/// A link of ours that holds somebody else's program is not overwritten.
#[test]
fn a_foreign_program_is_left_alone() {
    if !can_run("a_foreign_program_is_left_alone")
        || !has_linux("a_foreign_program_is_left_alone", 6, 6)
    {
        return;
    }
    let (name, other) = (unique("ours"), unique("theirs"));
    let _cleanup = (Cleanup(name.clone()), Cleanup(other.clone()));
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    let points = [AttachPoint::TcIngress];
    here.run(|| {
        let load = |name: &str, verdict| {
            let options = Options::new(name).interface("here");
            Filter::load(&artifact(&points, verdict, 0), &options).unwrap()
        };
        let filter = load(&name, Verdict::Accept);
        load(&other, Verdict::Drop);
        // Their link under our pin.
        let links = |filter: &str| format!("/sys/fs/bpf/bpfc/{filter}/links");
        let pin = std::fs::read_dir(links(&name)).unwrap().next().unwrap().unwrap().file_name();
        let path = |filter: &str| std::path::Path::new(&links(filter)).join(&pin);
        std::fs::rename(path(&other), path(&name)).unwrap();
        match filter.replace(&artifact(&points, Verdict::Accept, 0)) {
            Err(Error::Changed { name, .. }) => assert_eq!(name, "program_0"),
            other => panic!("{other:?}"),
        }
    });
    is_dropped(&here, &there, &Filter::open(&other).unwrap(), 1);
}

#[test]
fn an_interface_that_goes_takes_only_itself() {
    if !can_run("an_interface_that_goes_takes_only_itself")
        || !has_linux("an_interface_that_goes_takes_only_itself", 6, 6)
    {
        return;
    }
    let name = unique("gone");
    let _cleanup = Cleanup(name.clone());
    let (here, there) = (Net::new(), Net::new());
    here.pair(&there);
    let points = [AttachPoint::TcIngress];
    here.run(|| {
        let options = Options::new(&name).interface("here");
        let filter = Filter::load(&artifact(&points, Verdict::Drop, 0), &options).unwrap();
        here.ip("link del here");
        assert!(!filter.status().unwrap().attachments[0].attached);
        assert!(matches!(
            filter.replace(&artifact(&points, Verdict::Drop, 0)),
            Err(Error::NoInterface { .. })
        ));
        here.pair(&there);
        filter.replace(&artifact(&points, Verdict::Drop, 0)).unwrap();
        assert!(filter.status().unwrap().attachments[0].attached);
    });
    is_dropped(&here, &there, &Filter::open(&name).unwrap(), 1);
}

#[test]
fn conntrack_is_switched_on_and_off() {
    if !can_run("conntrack_is_switched_on_and_off")
        || !has_linux("conntrack_is_switched_on_and_off", 6, 4)
    {
        return;
    }
    let name = unique("track");
    let _cleanup = Cleanup(name.clone());
    let net = Net::new();
    let tracked = || {
        assert!(passes());
        let text = std::fs::read_to_string("/proc/thread-self/net/stat/nf_conntrack").unwrap();
        let entries = text.lines().nth(1).and_then(|line| line.split_whitespace().next());
        u32::from_str_radix(entries.unwrap(), 16).unwrap() > 0
    };
    net.run(|| {
        assert!(!tracked());
        let plain = artifact(&[input(31)], Verdict::Accept, 0);
        let mut tracking = plain.clone();
        tracking.needs_conntrack = true;
        // A load that fails leaves nothing on.
        let mut refused = tracking.clone();
        refused.functions[1].insns[0].off = 0;
        assert!(Filter::load(&refused, &Options::new(&name)).is_err());
        assert!(!tracked());
        let filter = Filter::load(&tracking, &Options::new(&name)).unwrap();
        assert!(tracked());
        filter.replace(&plain).unwrap();
        filter.replace(&tracking).unwrap();
        assert!(tracked());
    });
    // From another namespace, too.
    Filter::open(&name).unwrap().unload().unwrap();
    let list = || std::process::Command::new("nft").args(["list", "tables"]).output().unwrap();
    let tables = net.run(list);
    assert!(tables.status.success(), "{tables:?}");
    assert!(!String::from_utf8_lossy(&tables.stdout).contains(&name));
}

/// A callback of `bpf_loop`, and memory of a map by its address.
#[test]
fn function_pointers_and_map_values_are_linked() {
    if !can_run("function_pointers_and_map_values_are_linked") {
        return;
    }
    let mut built = artifact(&[AttachPoint::Xdp], Verdict::Accept, 0);
    let insn = |code, dst, src, off, imm| bpfc_artifact::Insn { code, dst, src, off, imm };
    let mut state = built.maps[0].clone();
    state.name = "state".into();
    state.kind = bpfc_artifact::MapKind::Array;
    state.role = bpfc_artifact::MapRole::RuleState;
    state.value_size = 16;
    state.max_entries = 1;
    built.maps.push(state);
    let body = bpfc_artifact::FunctionIndex(built.functions.len() as u32);
    // Adds its index to the second word of the map.
    built.functions.push(bpfc_artifact::Function {
        name: "body".into(),
        kind: bpfc_artifact::FunctionKind::LoopBody,
        program: AttachPoint::Xdp.kind(),
        packet_size: 0,
        insns: vec![
            insn(0x18, 2, 0, 0, 0),
            insn(0, 0, 0, 0, 8),
            insn(0xdb, 2, 1, 0, 0),
            insn(0xb7, 0, 0, 0, 0),
            insn(0x95, 0, 0, 0, 0),
        ],
        relocs: vec![Reloc { insn: 0, kind: RelocKind::MapValue(bpfc_artifact::MapIndex(1)) }],
        lines: built.functions[0].lines.clone(),
    });
    let main = &mut built.functions[0];
    main.insns = vec![
        insn(0xb7, 1, 0, 0, 5),
        insn(0x18, 2, 0, 0, 0),
        insn(0, 0, 0, 0, 0),
        insn(0xb7, 3, 0, 0, 0),
        insn(0xb7, 4, 0, 0, 0),
        // bpf_loop, then the sum: 0 + 1 + 2 + 3 + 4.
        insn(0x85, 0, 0, 0, 181),
        insn(0x18, 1, 0, 0, 0),
        insn(0, 0, 0, 0, 8),
        insn(0x79, 0, 1, 0, 0),
        insn(0x95, 0, 0, 0, 0),
    ];
    main.relocs = vec![
        Reloc { insn: 1, kind: RelocKind::FunctionPointer(body) },
        Reloc { insn: 6, kind: RelocKind::MapValue(bpfc_artifact::MapIndex(1)) },
    ];
    let loaded = Unattached::load(&built).unwrap();
    let data = packet();
    let test = TestPacket { data: &data, ..TestPacket::default() };
    assert_eq!(loaded.run(0, &test, 1).unwrap().verdict, 10);
}

/// Kernel functions of conntrack, which is a module on many systems.
#[test]
fn conntrack_functions_are_linked() {
    if !can_run("conntrack_functions_are_linked") {
        return;
    }
    let mut built = artifact(&[AttachPoint::Xdp], Verdict::Accept, 0);
    built.needs_conntrack = true;
    let insn = |code, dst, src, off, imm| bpfc_artifact::Insn { code, dst, src, off, imm };
    let main = &mut built.functions[0];
    main.insns = vec![
        // A tuple of twelve zero bytes, and options: this namespace, UDP.
        insn(0x7a, 10, 0, -16, 0),
        insn(0x7a, 10, 0, -8, 0),
        insn(0x62, 10, 0, -32, -1),
        insn(0x62, 10, 0, -28, 0),
        insn(0x62, 10, 0, -24, 17),
        insn(0xbf, 2, 10, 0, 0),
        insn(0x07, 2, 0, 0, -16),
        insn(0xb7, 3, 0, 0, 12),
        insn(0xbf, 4, 10, 0, 0),
        insn(0x07, 4, 0, 0, -32),
        insn(0xb7, 5, 0, 0, 12),
        insn(0x85, 0, 0, 0, 0),
        insn(0x15, 0, 0, 4, 0),
        insn(0xbf, 1, 0, 0, 0),
        insn(0x85, 0, 0, 0, 0),
        insn(0xb7, 0, 0, 0, 1),
        insn(0x95, 0, 0, 0, 0),
        insn(0xb7, 0, 0, 0, 2),
        insn(0x95, 0, 0, 0, 0),
    ];
    main.relocs = vec![
        Reloc { insn: 11, kind: RelocKind::Kfunc("bpf_xdp_ct_lookup".into()) },
        Reloc { insn: 14, kind: RelocKind::Kfunc("bpf_ct_release".into()) },
    ];
    let net = Net::new();
    net.run(|| {
        let loaded = Unattached::load(&built).unwrap();
        let data = packet();
        let test = TestPacket { data: &data, ..TestPacket::default() };
        assert_eq!(loaded.run(0, &test, 1).unwrap().verdict, 2);
    });
    let main = &mut built.functions[0];
    main.relocs[0].kind = RelocKind::Kfunc("bpf_no_such_function".into());
    assert!(matches!(net.run(|| Unattached::load(&built)), Err(Error::Btf(_))));
}

#[test]
fn kernel_types_and_functions_are_linked() {
    if !can_run("kernel_types_and_functions_are_linked")
        || !has_linux("kernel_types_and_functions_are_linked", 6, 4)
    {
        return;
    }
    let mut built = artifact(&[input(41)], Verdict::Drop, 0);
    // In main: r1 = ctx->skb; r1 = skb->mark; the packet's first word.
    let field = |structure: &str, member: &str| {
        RelocKind::FieldOffset(KernelField {
            structure: structure.into(),
            member: member.into(),
            size: 4,
        })
    };
    let main = &mut built.functions[0];
    let load = |code, dst, src| bpfc_artifact::Insn { code, dst, src, off: 0, imm: 0 };
    main.insns
        .splice(0..0, [load(0xbf, 6, 1), load(0x79, 1, 1), load(0x61, 1, 1), load(0xbf, 1, 6)]);
    main.relocs[0].insn += 4;
    main.relocs.insert(0, Reloc { insn: 1, kind: field("bpf_nf_ctx", "skb") });
    main.relocs.insert(1, Reloc { insn: 2, kind: field("sk_buff", "mark") });
    let loaded = Unattached::load(&built).unwrap();
    let data = packet();
    let test = TestPacket { data: &data, ..TestPacket::default() };
    assert_eq!(loaded.run(0, &test, 1).unwrap().verdict, 0);

    let mut unknown = built.clone();
    unknown.functions[0].relocs[0].kind = field("bpf_nf_ctx", "nothing");
    assert!(matches!(Unattached::load(&unknown), Err(Error::Btf(_))));
}

#[test]
fn a_field_that_is_asked_for_before_may_be_absent() {
    const NAME: &str = "a_field_that_is_asked_for_before_may_be_absent";
    if !can_run(NAME) || !has_linux(NAME, 6, 4) {
        return;
    }
    let absent =
        || KernelField { structure: "bpf_nf_ctx".into(), member: "nothing".into(), size: 8 };
    let insn = |code, dst, src, off, imm| bpfc_artifact::Insn { code, dst, src, off, imm };
    let mut built = artifact(&[input(42)], Verdict::Drop, 0);
    // The size of an IPv4 header, where the context has no field "nothing".
    let main = &mut built.functions[0];
    main.insns = vec![
        insn(0xb7, 2, 0, 0, 1),
        insn(0x15, 2, 0, 3, 0),
        insn(0x79, 0, 1, 0, 0),
        insn(0xb7, 0, 0, 0, 0),
        insn(0x95, 0, 0, 0, 0),
        insn(0xb7, 0, 0, 0, 0),
        insn(0x07, 0, 0, 0, -19),
        insn(0x95, 0, 0, 0, 0),
    ];
    main.relocs = vec![
        Reloc { insn: 0, kind: RelocKind::FieldExists(absent()) },
        Reloc { insn: 2, kind: RelocKind::FieldOffset(absent()) },
        Reloc { insn: 5, kind: RelocKind::TypeSize("iphdr".into()) },
    ];
    let data = packet();
    let test = TestPacket { data: &data, ..TestPacket::default() };
    assert_eq!(Unattached::load(&built).unwrap().run(0, &test, 1).unwrap().verdict, 1);

    // Without asking it is missed.
    built.functions[0].relocs.remove(0);
    assert!(matches!(Unattached::load(&built), Err(Error::Btf(_))));
}

#[test]
fn a_function_that_is_asked_for_before_may_be_absent() {
    const NAME: &str = "a_function_that_is_asked_for_before_may_be_absent";
    if !can_run(NAME) || !has_linux(NAME, 6, 4) {
        return;
    }
    let insn = |code, dst, src, off, imm| bpfc_artifact::Insn { code, dst, src, off, imm };
    let mut built = artifact(&[input(42)], Verdict::Drop, 0);
    let main = &mut built.functions[0];
    main.insns = vec![
        insn(0xb7, 2, 0, 0, 0),
        insn(0x15, 2, 0, 3, 0),
        insn(0x85, 0, 2, 0, 0),
        insn(0xb7, 0, 0, 0, 0),
        insn(0x95, 0, 0, 0, 0),
        insn(0xb7, 0, 0, 0, 1),
        insn(0x95, 0, 0, 0, 0),
    ];
    let name = |name: &str| name.to_owned();
    let mut verdict = |function: &str, asked: bool| {
        let called = RelocKind::OptionalKfunc { name: name(function), in_objects: true };
        let exists = RelocKind::FunctionExists { name: name(function), in_objects: true };
        built.functions[0].relocs = vec![
            Reloc { insn: 0, kind: exists },
            Reloc { insn: 2, kind: if asked { called } else { RelocKind::Kfunc(name(function)) } },
        ];
        let data = packet();
        let test = TestPacket { data: &data, ..TestPacket::default() };
        Unattached::load(&built).map(|loaded| loaded.run(0, &test, 1).unwrap().verdict)
    };
    assert_eq!(verdict("bpf_rcu_read_lock_that_is_none", true).unwrap(), 1);
    // The kernel has this one, which wants a way out.
    let error = verdict("bpf_rcu_read_lock", true).unwrap_err().to_string();
    assert!(error.contains("bpf_rcu_read_lock"), "{error}");
    assert!(matches!(verdict("bpf_rcu_read_lock_that_is_none", false), Err(Error::Btf(_))));
}
