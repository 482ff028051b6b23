//! Filters of nft rulesets.

use crate::run::{alone, file, folder};
use serde_json::Value;

const RULES: &str = "\
table inet t {
	set ports {
		type inet_service
		elements = { 4000, 4001 }
	}
	chain input {
		type filter hook input priority 0; policy accept;
		udp dport @ports counter jump known
		meta l4proto udp counter packets 5 bytes 7 comment \"counter\"
		tcp dport 22 drop
	}
	chain known {
		udp dport 4000 counter return
		counter
	}
}
";

/// The counters of a filter are those that the kernel's nft has for the same rules, in its syntax.
#[test]
fn counters_are_listed_as_nft_lists_them() {
    let folder = folder();
    file(&folder, "t.nft", RULES);
    let script = "\
type nft >/dev/null || { echo skipped; exit 0; }
ip link set lo up
nft -f $F/t.nft
nft reset counters >/dev/null
$BPFC --quiet load $F/t.nft --target netfilter --hook input --name t
for port in 4000 4001 4002 4000; do echo -n hello > /dev/udp/127.0.0.1/$port || true; done
$BPFC counters t
echo ==
$BPFC counters t --json
echo ==
$BPFC save t 2>&1 || true
$BPFC unload t";
    let Some(ran) = alone(script, &[("F", folder.path().to_str().expect("a path in UTF-8"))])
    else {
        return;
    };
    let ran = ran.ok();
    let parts: Vec<&str> = ran.out.split("==\n").collect();
    assert_eq!(
        parts[0],
        "\
table inet t {
	chain input {
		type filter hook input priority 0; policy accept;
		udp dport @ports counter packets 3 bytes 99 jump known
		meta l4proto udp counter packets 4 bytes 132 comment \"counter\"
		tcp dport 22 drop
	}

	chain known {
		udp dport 4000 counter packets 2 bytes 66 return
		counter packets 1 bytes 33
	}
}
"
    );
    let json: Value = serde_json::from_str(parts[1]).expect("JSON");
    let counters = json["counters"].as_array().expect("a list");
    let labels: Vec<&str> = counters.iter().filter_map(|c| c["rule"].as_str()).collect();
    assert_eq!(labels, ["inet/t/input:1", "inet/t/input:2", "inet/t/known:1", "inet/t/known:2"]);
    assert!(parts[2].contains("`bpfc counters t` prints its rules"), "{}", parts[2]);
}
