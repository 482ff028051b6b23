//! `bpfc conntrack`: who keeps connection tracking on, by name, beside filters that do.

use crate::run::{alone, bpfc, file, folder};

const RULES: &str = "\
*filter
:INPUT DROP [0:0]
-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
COMMIT
";

#[test]
fn conntrack_is_kept_on_by_name() {
    let folder = folder();
    let rules = file(&folder, "web.rules", RULES);
    let script = format!(
        "\
! $BPFC conntrack status
$BPFC conntrack on
$BPFC conntrack on
$BPFC conntrack on --name other
$BPFC conntrack status
nft list tables
$BPFC load {rules} --target netfilter --name web
$BPFC conntrack status --json
$BPFC conntrack off
$BPFC conntrack off
$BPFC conntrack off --name other
$BPFC unload web
! $BPFC conntrack status --json
test -z \"$(nft list tables)\""
    );
    let Some(ran) = alone(&script, &[]) else { return };
    let out = ran.ok().out;
    for text in [
        "bpfc does not keep conntrack on in this network namespace; rules of others may\n\
         conntrack is kept on by default\nconntrack is kept on by default\nconntrack is kept on by \
         other\nconntrack is kept on by default, other\n",
        "table inet bpfc_conntrack_default\ntable inet bpfc_conntrack_other\n",
        "{\"kept_on\":true,\"filters\":[\"web\"],\"names\":[\"default\",\"other\"]}\n",
        "conntrack is not kept on by default any more, but by filter web, other\n",
        "conntrack is not kept on by other any more, but by filter web\n",
        "{\"kept_on\":false,\"filters\":[],\"names\":[]}\n",
    ] {
        assert!(out.contains(text), "{text}\n{out}");
    }
}

/// `compile` says it of an object that asks for connections, and of no other.
#[test]
fn an_object_that_asks_conntrack_says_who_must_keep_it_on() {
    let folder = folder();
    let rules = file(&folder, "web.rules", RULES);
    let object = folder.path().join("web.o");
    let object = object.to_str().expect("a path in UTF-8");
    let ran = bpfc(&["compile", &rules, "--target", "xdp", "-o", object]).ok();
    assert!(ran.err.contains("note: ") && ran.err.contains("bpfc conntrack on"), "{}", ran.err);
    let plain = RULES.replace("-m conntrack --ctstate ESTABLISHED", "-p tcp");
    let plain = file(&folder, "plain.rules", plain);
    let ran = bpfc(&["compile", &plain, "--target", "xdp", "-o", object]).ok();
    assert!(!ran.err.contains("conntrack"), "{}", ran.err);
}
