#!/usr/bin/env bash
# A JSON listing of nft 1.0.6 lacks the devices of its chains; nft 1.1.3 loads it as chains that see no packet.
#
# Surprise: chains of devices (netdev, and inet at ingress) are listed as text with their device, and as JSON without,
# although the JSON form has a member `dev` for it, which 1.0.6 reads. So a ruleset that is saved as JSON loses where
# these chains filter. 1.0.6 itself refuses to load what it has listed. Newer versions take a chain without devices, to
# which devices are added later, so 1.1.3 loads the same file without a word: the chain is there, with its rules and its
# policy of drop, at no device. Whoever moves JSON from Debian 12 to Debian 13 loses these filters in silence, and
# whoever reads JSON cannot tell a chain that has no device from one whose device was left out.
#
# Seen with Debian 12's nftables 1.0.6-2+deb12u2 and Debian 13's 1.1.3-1 on Linux 6.18.44:
#   1.0.6 as text:     type filter hook ingress device "lo" priority filter; policy drop;
#   1.0.6 as JSON:     no dev
#   1.0.6 reads that:  Error: Missing `device' in this chain definition
#   1.1.3 reads that:  type filter hook ingress priority filter; policy drop;
#   1.1.3 as JSON:     "dev": "lo"
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root and Debian 12's apt, which finds the packages of both releases.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in apt-get dpkg-deb unshare; do
    command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{old,new,lists/partial,cache/archives/partial}

version=$(apt-cache madison nftables | awk '{print $3}' | grep '^1\.0\.6-2+deb12u' | head -n 1)
[ -n "$version" ] || { echo "nftables 1.0.6-2+deb12u* cannot be had"; exit 77; }
(cd "$work/old" && apt-get -qq -o APT::Sandbox::User=root download \
    "nftables=$version" "libnftables1=$version") || { echo "the packages cannot be had"; exit 77; }

# Debian 13's package lists and packages beside the system's own.
mirror=$(apt-get indextargets --format '$(SITE)' 'Release: bookworm' 'Identifier: Packages' | head -n 1)
[ -n "$mirror" ] || { echo "no mirror of Debian is known"; exit 77; }
keys=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keys] $mirror trixie main" >"$work/sources.list"
beside=(-qq -o APT::Sandbox::User=root -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o Dir::State::status=/dev/null)
apt-get "${beside[@]}" update || { echo "Debian 13's lists cannot be had"; exit 77; }
(cd "$work/new" && apt-get "${beside[@]}" download nftables=1.1.3-1 libnftables1=1.1.3-1 libnftnl11 libmnl0 libc6 \
    libjansson4 libgmp10 libxtables12 libedit2 libtinfo6 libbsd0 libmd0) || { echo "the packages cannot be had"; exit 77; }
for release in old new; do
    for package in "$work/$release"/*.deb; do dpkg-deb -x "$package" "$work/$release/root"; done
done

# Each with its own libraries; the newer one with its own C library, too.
libraries=usr/lib/$(uname -m)-linux-gnu
cat >"$work/nft-old" <<SH
#!/bin/sh
LD_LIBRARY_PATH=$work/old/root/$libraries exec $work/old/root/usr/sbin/nft "\$@"
SH
loader=$(find "$work/new/root" -name 'ld-linux-*.so.*' | head -n 1)
cat >"$work/nft-new" <<SH
#!/bin/sh
exec $loader --library-path $work/new/root/$libraries $work/new/root/usr/sbin/nft "\$@"
SH
chmod +x "$work"/nft-old "$work"/nft-new
echo "kernel $(uname -r), $("$work/nft-old" --version), $("$work/nft-new" --version)"

cat >"$work/rules" <<'NFT'
table netdev t {
	chain c {
		type filter hook ingress device lo priority filter; policy drop;
	}
}
NFT

# In a network namespace of its own.
unshare -n bash -s "$work" <<'SH'
work=$1
ip link set lo up
"$work/nft-old" -f "$work/rules"
"$work/nft-old" list ruleset >"$work/old_text"
"$work/nft-old" -j list ruleset >"$work/old_json"
"$work/nft-old" flush ruleset
"$work/nft-old" -j -f "$work/old_json" >"$work/old_read" 2>&1
"$work/nft-new" -j -f "$work/old_json" >"$work/new_read" 2>&1
"$work/nft-new" list ruleset >>"$work/new_read"
"$work/nft-new" flush ruleset
"$work/nft-new" -f "$work/rules"
"$work/nft-new" -j list ruleset >"$work/new_json"
true
SH

bad=0
expect() { # what it is called, what was seen, what is expected
    echo "$1 $2"
    [ "$2" = "$3" ] || { echo "  expected: $3"; bad=1; }
}
device() { grep -o '"dev": "[^"]*"' "$1" || echo "no dev"; }
hook() { grep -o 'type filter.*' "$1" || echo none; }
expect "1.0.6 as text:    " "$(hook "$work/old_text")" 'type filter hook ingress device "lo" priority filter; policy drop;'
expect "1.0.6 as JSON:    " "$(device "$work/old_json")" "no dev"
expect "1.0.6 reads that: " "$(grep -o 'Error: Missing.*' "$work/old_read" | head -n 1)" \
    "Error: Missing \`device' in this chain definition"
expect "1.1.3 reads that: " "$(hook "$work/new_read")" "type filter hook ingress priority filter; policy drop;"
expect "1.1.3 as JSON:    " "$(device "$work/new_json")" '"dev": "lo"'
exit $bad
