#!/usr/bin/env bash
# What rules of nft delete from a set still fills it: a set that is listed as empty takes no more elements.
#
# Surprise: `delete @s { .. }` in a rule takes an element out of the set, lookups miss it at once, and the listing does not
# show it. But the kernel only marks it, and collects what is marked every `gc-interval` (the set's timeout, where none is
# given). Until then it counts for the set's `size`: a rule that adds another key to a full set ends there, as if it did not
# match, and `nft add element` fails. What `nft delete element` deletes makes room at once. So a set whose rules add and
# delete (who is logged in, which port was knocked on) needs a size for all keys between two collections, not for those that
# are there together, or a short `gc-interval`.
#
# Seen with Debian 12's nftables 1.0.6-2+deb12u2 (libnftables1 of the same version) on Linux 6.18.44, a set of size 4, and 8
# datagrams whose port a rule adds and another one deletes before the next comes:
#   added by the rule:       4
#   found before deleting:   4
#   the set is listed with:  0 lines of elements
#   nft adds another:        no
#   of 8 that nft adds and deletes in turn to and from a set of size 4: 8
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root, python3 and Debian 12's apt.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in apt-get dpkg-deb unshare ip python3; do
    command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(apt-cache madison nftables | awk '{print $3}' | grep '^1\.0\.6-2+deb12u' | head -n 1)
[ -n "$version" ] || { echo "nftables 1.0.6-2+deb12u* cannot be had"; exit 77; }
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download \
    "nftables=$version" "libnftables1=$version") || { echo "the packages cannot be had"; exit 77; }
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
libraries=$(dirname "$(find "$work/root" -name 'libnftables.so.1' | head -n 1)")
export LD_LIBRARY_PATH=$libraries
nft=$work/root/usr/sbin/nft
echo "kernel $(uname -r), $("$nft" --version) ($version)"

cat >"$work/rules" <<'NFT'
table ip t {
	set s {
		type inet_service
		size 4
		flags dynamic,timeout
		timeout 1h
		gc-interval 1h
	}
	set own {
		type inet_service
		size 4
		flags dynamic,timeout
		timeout 1h
		gc-interval 1h
	}
	chain c {
		type filter hook output priority filter; policy accept;
		add @s { udp dport } counter comment "added"
		udp dport @s counter comment "found"
		delete @s { udp dport }
	}
}
NFT
cat >"$work/send.py" <<'PY'
import socket
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(7001, 7009):
    sender.sendto(b"x", ("127.0.0.1", port))
PY

# In a network namespace of its own.
unshare -n bash -s "$nft" "$work" <<'SH'
nft=$1 work=$2
ip link set lo up
"$nft" -f "$work/rules"
python3 "$work/send.py"
"$nft" list ruleset >"$work/listed"
"$nft" list set ip t s | grep -c elements >"$work/elements"
"$nft" add element ip t s '{ 9 }' 2>"$work/refused" && echo yes >"$work/refused"
number=0
for port in 1 2 3 4 5 6 7 8; do
    "$nft" add element ip t own "{ $port }" && "$nft" delete element ip t own "{ $port }" && number=$((number + 1))
done
echo "$number" >"$work/own"
true
SH

bad=0
expect() { # what it is called, what was seen, what is expected
    echo "$1 $2"
    [ "$2" = "$3" ] || { echo "  expected: $3"; bad=1; }
}
counted() { sed -n "s/.* counter packets \([0-9]*\) .*comment \"$1\"/\1/p" "$work/listed"; }
expect "added by the rule:      " "$(counted added)" 4
expect "found before deleting:  " "$(counted found)" 4
expect "the set is listed with: " "$(cat "$work/elements") lines of elements" "0 lines of elements"
expect "nft adds another:       " "$(grep -o 'yes' "$work/refused" || echo no)" no
expect "of 8 that nft adds and deletes in turn to and from a set of size 4:" "$(cat "$work/own")" 8
[ "$bad" = 0 ] || cat "$work/refused"
exit $bad
