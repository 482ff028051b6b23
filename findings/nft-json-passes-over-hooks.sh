#!/usr/bin/env bash
# nft takes a chain of JSON whose priority it does not understand for one that hangs nowhere, without a word.
#
# Surprise: `"prio": "filter"`, the name that the same chain has in nft's language and in its listings, is not an error.
# nft passes over the chain's type, hook, priority and policy together: the chain is made, its rules are loaded, and no
# packet comes there. A policy of drop is lost with it. So is a chain whose `prio` is left out. `"per": "minutes"`,
# which libnftables-json(5) itself names as an example of a limit's unit, is read as a second. So whoever writes JSON
# compares what `nft list ruleset` shows of it, and whoever reads JSON must not pass over what it does not know.
#
# Seen with nft 1.0.6 and 1.1.6 on Linux 6.18.44:
#   with a name:     taken, hook: none
#   without:         taken, hook: none
#   with a number:   taken, hook: type filter hook input priority filter; policy drop;
#   minutes are:     limit rate 1/second
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root and nft. NFT names another one than the machine's.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
nft=${NFT:-nft}
for tool in "$nft" unshare; do
    command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }
done
echo "kernel $(uname -r), $("$nft" --version)"

# What nft shows of a chain with these properties and a limit per so much, in a network namespace of its own.
show() {
    cat <<JSON | unshare -n sh -c '"$0" -j -f - && "$0" list ruleset' "$nft" 2>&1
{"nftables": [{"add": {"table": {"family": "ip", "name": "t"}}},
 {"add": {"chain": {"family": "ip", "table": "t", "name": "c", "type": "filter", "hook": "input"$1, "policy": "drop"}}},
 {"add": {"rule": {"family": "ip", "table": "t", "chain": "c", "expr": [{"limit": {"rate": 1, "per": "$2"}}]}}}]}
JSON
}

bad=0
expect() { # what it is called, what was seen, what is expected to begin it
    echo "$1 $2"
    case $2 in "$3"*) ;; *) echo "  expected: $3"; bad=1 ;; esac
}
hook() {
    local shown
    shown=$(show "$1" second) || { echo "refused"; return; }
    echo "taken, hook: $(grep -o 'type .*' <<<"$shown" || echo none)"
}
expect "with a name:    " "$(hook ', "prio": "filter"')" "taken, hook: none"
expect "without:        " "$(hook '')" "taken, hook: none"
expect "with a number:  " "$(hook ', "prio": 0')" "taken, hook: type filter hook input priority filter; policy drop;"
expect "minutes are:    " "$(show '' minutes | grep -o 'limit rate [^ ]*')" "limit rate 1/second"
exit $bad
