//! `bpfc recent` on a loaded filter, in namespaces of its own. Without root the test says so and
//! passes; with `BPFC_REQUIRE_ALL=1` that is a failure.

use crate::run;

const RULES: &str = "*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m recent --rcheck --name ban -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m recent --set --name ssh
COMMIT
";

#[test]
fn lists_are_shown_and_changed() {
    let text = "
        $BPFC load $RULES --target tc --hook input --iface lo --name t >/dev/null
        $BPFC recent add t ban 192.0.2.7
        $BPFC recent add t ban 2001:db8::7
        $BPFC recent list t ban | sed 's/[0-9]\\{9,\\}/TIME/g'
        $BPFC recent del t ban 192.0.2.7
        $BPFC recent list t ban --json | sed 's/[0-9]\\{9,\\}/0/g'
        $BPFC recent flush t ban
        $BPFC recent list t
        $BPFC recent add t nonesuch 192.0.2.7 || echo refused
        $BPFC unload t >/dev/null
    ";
    let folder = run::folder();
    let rules = run::file(&folder, "rules", RULES);
    let Some(ran) = run::alone(text, &[("RULES", &rules)]) else { return };
    let ran = ran.ok();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[..2],
        [
            "src=192.0.2.7 ttl: 0 last_seen: TIME oldest_pkt: 1 TIME",
            "src=2001:0db8:0000:0000:0000:0000:0000:0007 ttl: 0 last_seen: TIME oldest_pkt: 1 TIME",
        ]
    );
    let json: serde_json::Value =
        serde_json::from_str(&lines[2..lines.len() - 3].join("\n")).expect("JSON");
    assert_eq!(
        json,
        serde_json::json!({
            "list": "ban",
            "addresses": [{"address": "2001:db8::7", "ttl": 0, "last_seen": 0, "seen": [0]}],
        })
    );
    assert_eq!(lines[lines.len() - 3..lines.len() - 1], ["# ban", "# ssh"]);
    assert_eq!(lines.last(), Some(&"refused"));
    assert!(ran.err.contains("has no list \"nonesuch\""), "{}", ran.err);
}
