//! The match osf beyond random packets: the kernel takes every fingerprint as it is read here, and
//! as many as a real list holds load on every target.

use bpfc_driver::{Options, compile, target};
use bpfc_ir::{Hook, Input, Window};
use bpfc_runtime::{Filter, Options as LoadOptions};
use bpfc_tests::generate::draft::Draft;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::{INTERFACES, Oracle, Stage};
use bpfc_tests::lab::tables::Count;
use bpfc_tests::{fingerprints, require};

/// Of each fingerprint that a packet can meet: its genre, and the packet.
fn packets() -> Vec<(String, Frame)> {
    let mut packets = Vec::new();
    for fingerprint in fingerprints::list() {
        let mut draft = Draft::new(Family::Ipv4);
        if fingerprints::describe(&mut draft, &fingerprint, 1200, 3) {
            packets.push((fingerprint.genre, draft.frame()));
        }
    }
    packets
}

#[test]
fn every_kind_of_fingerprint_is_met() {
    if !require::met(require::KERNEL_IPTABLES) {
        return;
    }
    let packets = packets();
    assert!(packets.len() > 15);
    let mut genres: Vec<&str> = packets.iter().map(|(genre, _)| &**genre).collect();
    genres.sort_unstable();
    genres.dedup();
    let rules: String =
        genres.iter().map(|genre| format!("-A INPUT -p tcp -m osf --genre {genre}\n")).collect();
    isolated(|| {
        let mut oracle = Oracle::new(Family::Ipv4, Stage::Input).expect("a namespace");
        let text = format!("*filter\n:INPUT ACCEPT [0:0]\n{rules}COMMIT\n");
        oracle.load(&text).expect("iptables");
        for (genre, frame) in &packets {
            let outcome = oracle.run(std::slice::from_ref(frame)).expect("a packet");
            let number = 1 + genres.iter().position(|known| known == genre).expect("a rule");
            let counted = outcome.counters.get(&format!("filter/INPUT:{number}"));
            let bytes = (frame.bytes.len() - 14) as u64;
            assert_eq!(counted, Some(&Count { packets: 1, bytes }), "{genre} {frame:?}");
        }
    });
}

/// So many lines, of one genre, none like another.
fn long_list(count: usize) -> String {
    const OPTIONS: [(&str, u16); 8] = [
        (".", 0),
        ("M*", 4),
        ("M*,N,N,S", 8),
        ("M*,N,W0", 8),
        ("M*,N,W0,N,N,T", 20),
        ("M*,S,T,N,W0", 20),
        ("M*,N,N,S,N,W0,N,N,T", 24),
        ("M*,N,W0,N,N,T,N,N,S", 24),
    ];
    let mut rng = Rng::new(1);
    let mut lines = String::new();
    for line in 0..count {
        let (options, length) = *rng.pick(&OPTIONS);
        let kind = *rng.pick(&["", "S", "T", "%"]);
        let window = if kind.is_empty() { line * 100 } else { line + 2 };
        let (ttl, bit) = (*rng.pick(&[30, 32, 60, 64, 128, 255]), rng.below(2));
        let length = 40 + length;
        lines += &format!("{kind}{window}:{ttl}:{bit}:{length}:{options}:Test:{line}::\n");
    }
    lines
}

#[test]
fn as_many_as_a_real_list_holds_load_on_every_target() {
    if !require::met(require::KERNEL_IPTABLES) {
        return;
    }
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n\
         -A INPUT -p tcp -m osf --genre Test -j DROP\n\
         -A INPUT -p tcp -m osf --genre Test --ttl 1 -j DROP\n\
         -A INPUT -p tcp -m osf --genre Test --log 0\nCOMMIT\n";
    let input = |name: &str, text: &str, format: &str| Input {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        format: Some(format.to_owned()),
    };
    let inputs = [input("rules", rules, "iptables-save"), input("list", &long_list(400), "pf.os")];
    isolated(|| {
        let _oracle = Oracle::new(Family::Ipv4, Stage::Input).expect("a namespace");
        for name in ["xdp", "tc", "netfilter"] {
            let options = Options { hooks: Some(vec![Hook::Input]), ..Options::default() };
            let compiled = compile(&inputs, target(name).expect("a target"), &options);
            let artifact = compiled
                .artifact()
                .cloned()
                .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
            let size: usize = artifact.functions.iter().map(|f| f.insns.len()).sum();
            println!("{name}: {size} instructions");
            assert!(size < 25_000, "{name}: {size} instructions");
            let mut options = LoadOptions::new("fingerprints");
            if name != "netfilter" {
                options.interfaces = INTERFACES.map(str::to_owned).to_vec();
            }
            let filter =
                Filter::load(&artifact, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
            filter.unload().expect("an end");
        }
    });
}

#[test]
fn the_text_holds_every_kind() {
    let list = fingerprints::list();
    let kind = |window: &Window| match window {
        Window::Any => 0,
        Window::Exactly(_) => 1,
        Window::Segments(_) => 2,
        Window::Packets(_) => 3,
        Window::Multiple(_) => 4,
    };
    for wanted in 0..5 {
        assert!(list.iter().any(|fingerprint| kind(&fingerprint.window) == wanted), "{wanted}");
    }
}
