//! Devices at which a program would decide other packets than its hook sees are refused, and
//! nothing is attached then; the place that the reason names is taken.

mod common;

use bpfc_artifact::{AttachPoint, Hook};
use bpfc_runtime::{Error, Filter, Options, XdpMode};
use common::{Cleanup, Net, Verdict, artifact, can_run, has_linux, ip, unique};

/// Why a program is not attached to an interface; none where it is, and then it is unloaded.
fn refusal(net: &Net, point: AttachPoint, interface: &str) -> Option<String> {
    let name = unique("device");
    let _cleanup = Cleanup(name.clone());
    let options = Options::new(&name).interface(interface);
    net.run(|| match Filter::load(&artifact(&[point], Verdict::Accept, 0), &options) {
        Ok(filter) => {
            filter.unload().unwrap();
            None
        }
        Err(Error::Unsuitable { place, reason }) => {
            assert!(place.contains(interface), "{place}");
            assert!(matches!(Filter::open(&name), Err(Error::NotFound(_))));
            Some(reason)
        }
        Err(other) => panic!("{interface}: {other}"),
    })
}

#[test]
fn devices_without_link_header_are_for_programs_that_ask() {
    let test = "devices_without_link_header_are_for_programs_that_ask";
    if !can_run(test) || !has_linux(test, 6, 6) {
        return;
    }
    let net = Net::new();
    ip(&format!("-n {} tuntap add mode tun name tun0", net.name));
    ip(&format!("-n {} tuntap add mode tap name tap0", net.name));
    // What earlier versions compiled does not.
    let reason = refusal(&net, AttachPoint::Xdp, "tun0").expect("refused");
    for part in ["no Ethernet header", "compile the ruleset again", "--target tc"] {
        assert!(reason.contains(part), "{reason}");
    }
    let name = unique("asks");
    let _cleanup = Cleanup(name.clone());
    net.run(|| {
        let mut built = artifact(&[AttachPoint::Xdp], Verdict::Accept, 0);
        built.asks_for_link = true;
        let options = Options::new(&name).interface("tun0").interface("tap0");
        let filter = Filter::load(&built, &options).unwrap();
        // The link goes with the device, which comes back.
        ip("link del tun0");
        ip("tuntap add mode tun name tun0");
        let again = filter.again().unwrap();
        assert_eq!((again.attached.len(), again.kept.len()), (1, 1), "{again:?}");
        filter.unload().unwrap();
    });
    for interface in ["tap0", "lo"] {
        assert_eq!(refusal(&net, AttachPoint::Xdp, interface), None, "{interface}");
    }
    for interface in ["tun0", "tap0", "lo"] {
        assert_eq!(refusal(&net, AttachPoint::TcIngress, interface), None, "{interface}");
    }
}

#[test]
fn xdp_is_no_place_where_frames_for_others_go_on() {
    let test = "xdp_is_no_place_where_frames_for_others_go_on";
    if !can_run(test) || !has_linux(test, 6, 6) {
        return;
    }
    let (net, other) = (Net::new(), Net::new());
    net.pair(&other);
    ip(&format!("-n {} link add br0 type bridge", net.name));
    assert_eq!(refusal(&net, AttachPoint::Xdp, "here"), None);
    ip(&format!("-n {} link set here master br0", net.name));
    let reason = refusal(&net, AttachPoint::Xdp, "here").expect("refused");
    assert!(reason.contains("a port of a bridge"), "{reason}");
    assert_eq!(refusal(&net, AttachPoint::Xdp, "br0"), None);
    assert_eq!(refusal(&net, AttachPoint::TcIngress, "here"), None);

    ip(&format!("-n {} link set here nomaster", net.name));
    ip(&format!("-n {} link add mv0 link here type macvlan mode bridge", net.name));
    let reason = refusal(&net, AttachPoint::Xdp, "here").expect("refused");
    assert!(reason.contains("the macvlan interface mv0 stands on here"), "{reason}");
    assert_eq!(refusal(&net, AttachPoint::Xdp, "mv0"), None);
    assert_eq!(refusal(&net, AttachPoint::TcIngress, "here"), None);

    ip(&format!("-n {} link del mv0", net.name));
    ip(&format!("-n {} link add mt0 link here type macvtap mode bridge", net.name));
    for point in [AttachPoint::Xdp, AttachPoint::TcIngress] {
        let reason = refusal(&net, point, "here").expect("refused");
        assert!(reason.contains("macvtap interface mt0"), "{reason}");
    }
    assert_eq!(refusal(&net, AttachPoint::TcEgress, "here"), None);
}

/// Where br_netfilter shows bridged packets to a chain, a bridge's port is no place for it.
#[test]
fn what_br_netfilter_shows_is_not_left_out() {
    let test = "what_br_netfilter_shows_is_not_left_out";
    if !can_run(test) || !has_linux(test, 6, 6) {
        return;
    }
    let (net, other) = (Net::new(), Net::new());
    net.pair(&other);
    ip(&format!("-n {} link add br0 type bridge", net.name));
    ip(&format!("-n {} link set here master br0", net.name));
    let load = |hook, shown: &str| {
        let name = unique("shown");
        let _cleanup = Cleanup(name.clone());
        let mut built = artifact(&[AttachPoint::TcIngress], Verdict::Accept, 0);
        built.rules.entries[0].hook = Some(hook);
        net.run(|| {
            let setting = "/proc/sys/net/bridge/bridge-nf-call-iptables";
            if std::fs::write(setting, shown).is_err() {
                eprintln!("skipped: br_netfilter is not loaded");
                return None;
            }
            Some(Filter::load(&built, &Options::new(&name).interface("here")).err())
        })
    };
    for hook in [Hook::Prerouting, Hook::Forward] {
        let Some(error) = load(hook, "1") else { return };
        let error = error.expect("refused").to_string();
        assert!(error.contains("br_netfilter shows to chain TEST"), "{error}");
        assert!(load(hook, "0").is_some_and(|error| error.is_none()));
    }
    assert!(load(Hook::Input, "1").is_some_and(|error| error.is_none()));
}

#[test]
fn frames_too_long_for_the_driver_are_told() {
    if !can_run("frames_too_long_for_the_driver_are_told") {
        return;
    }
    let (net, other) = (Net::new(), Net::new());
    net.pair(&other);
    for (net, interface) in [(&net, "here"), (&other, "there")] {
        ip(&format!("-n {} link set {interface} mtu 9000", net.name));
    }
    let name = unique("jumbo");
    let _cleanup = Cleanup(name.clone());
    net.run(|| {
        let built = artifact(&[AttachPoint::Xdp], Verdict::Accept, 0);
        let mut options = Options::new(&name).interface("here");
        options.xdp_mode = XdpMode::Native;
        let error = Filter::load(&built, &options).unwrap_err().to_string();
        assert!(error.contains("lower the MTU, or use --xdp-mode generic"), "{error}");
        options.xdp_mode = XdpMode::Auto;
        Filter::load(&built, &options).unwrap().unload().unwrap();
    });
}
