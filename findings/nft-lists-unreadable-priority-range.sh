#!/usr/bin/env bash
# nft prints a range of packet priorities that begins with 0 in a form that nft cannot read.
#
# Surprise: what `nft list ruleset` prints is meant to be loaded again with `nft -f`, and is how rulesets are saved and
# moved. The traffic class 0:0 has a name, `none`, and so the lower end of `meta priority 0:0-0:5` is printed by it:
# `meta priority none-0:5`. To nft's scanner `none-0` is one word, so the listing is a syntax error, and with it the
# whole file is refused. In a set, `{ none-0:3, 0:6 }`, the colon makes the element one of a map. The JSON listing keeps
# the two ends apart and can be read. So whoever reads listings cannot take them for the language, and whoever writes
# rules for hosts that save them avoids ranges from 0:0.
#
# Seen with Debian 12's nftables 1.0.6-2+deb12u2 (libnftables1 of the same version) on Linux 6.18.44:
#   the rule is taken:      yes
#   it is listed as:        meta priority none-0:5
#   the listing is read:    no: syntax error, unexpected colon
#   the JSON is read:       yes
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root and Debian 12's apt.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in apt-get dpkg-deb unshare; do
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
	chain c {
		type filter hook input priority filter; policy accept;
		meta priority 0:0-0:5 counter
	}
}
NFT

# In a network namespace of its own.
unshare -n bash -s "$nft" "$work" <<'SH'
nft=$1 work=$2
"$nft" -f "$work/rules" && echo yes >"$work/taken"
"$nft" list ruleset >"$work/listed"
"$nft" -j list ruleset >"$work/json"
"$nft" flush ruleset
"$nft" -f "$work/listed" >"$work/read" 2>&1 && echo yes >"$work/read"
"$nft" -j -f "$work/json" >"$work/read_json" 2>&1 && echo yes >"$work/read_json"
true
SH

bad=0
expect() { # what it is called, what was seen, what is expected to be part of it
    echo "$1 $2"
    case $2 in *"$3"*) ;; *) echo "  expected: $3"; bad=1 ;; esac
}
expect "the rule is taken:     " "$(cat "$work/taken" 2>/dev/null)" yes
expect "it is listed as:       " "$(grep -o 'meta priority [^ ]*' "$work/listed")" "meta priority none-0:5"
expect "the listing is read:   " "$(head -n 1 "$work/read")" "unexpected colon"
expect "the JSON is read:      " "$(head -n 1 "$work/read_json")" yes
exit $bad
