#!/usr/bin/env bash
# nft's check of the way back takes valid IPv6 packets for spoofed where there are several ways back.
#
# Surprise: `fib saddr . iif oif missing drop` is nft's form of `-m rpfilter --invert`, and in IPv4 the two agree: a way
# back counts where any nexthop of the route leads to the interface that the packet came in by. In IPv6 `rpfilter` binds
# its search to that interface; nft's `fib` does not. Where a route has several nexthops the kernel draws one by a hash of
# the flow, and `fib` compares the drawn one's device with the packet's: about half of the flows that come in by either of
# two interfaces are `missing`, the same flow always. So the usual rule against spoofing loses half of the connections of
# an IPv6 network that is reached by two links, with no way to say `loose` but to leave `iif` out.
#
# Seen with Debian 12's nftables 1.0.6-2+deb12u2 and iptables 1.8.9-2 on Linux 6.18.44, 40 flows by each of two interfaces:
#   IPv4: rpfilter finds a way back for all 80, fib for all 80
#   IPv6: rpfilter finds a way back for all 80, fib for some and not for others, by either interface
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root, ip6_tables with ip6t_rpfilter and nft_fib in the kernel, python3, and Debian 12's apt.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in apt-get dpkg-deb unshare ip python3; do
    command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pinned() { apt-cache madison "$1" | awk '{print $3}' | grep "^$2" | head -n 1; }
nftables=$(pinned nftables '1\.0\.6-2+deb12u')
iptables=$(pinned iptables '1\.8\.9-2')
[ -n "$nftables" ] && [ -n "$iptables" ] || { echo "the packages of Debian 12 cannot be had"; exit 77; }
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "nftables=$nftables" "libnftables1=$nftables" \
    "iptables=$iptables" "libxtables12=$iptables" "libip4tc2=$iptables" "libip6tc2=$iptables") ||
    { echo "the packages cannot be had"; exit 77; }
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
libraries=$(dirname "$(find "$work/root" -name 'libnftables.so.1' | head -n 1)")
export LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$libraries/xtables
nft=$work/root/usr/sbin/nft
legacy=$work/root/usr/sbin/xtables-legacy-multi
echo "kernel $(uname -r), $("$nft" --version) ($nftables), $("$legacy" iptables --version) ($iptables)"

# A host with two links to a second one, whose network is routed by both: namespaces of their own.
cat >"$work/send.py" <<'PY'
import socket, sys
family, source, link, to = sys.argv[1:]
family = socket.AF_INET6 if family == "6" else socket.AF_INET
for port in range(4000, 4040):
    sender = socket.socket(family, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
    sender.bind((source, port))
    sender.sendto(b"x", (to, 9))
    sender.close()
PY
unshare -n bash -es "$nft" "$legacy" "$work" <<'SH' || { echo "this kernel lacks what it takes"; exit 77; }
nft=$1 legacy=$2 work=$3
ip link set lo up
unshare -n sleep 60 & other=$!
trap 'kill $other' EXIT
until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
there() { nsenter --net=/proc/$other/ns/net "$@"; }
for i in 0 1; do
    ip link add a$i address 02:00:00:00:0$i:01 type veth peer name b$i address 02:00:00:00:0$i:02 netns $other
    ip addr add 198.18.$i.1/24 dev a$i
    ip addr add 2001:db8:a$i::1/64 dev a$i nodad
    ip link set a$i up
    there ip addr add 198.18.$i.2/24 dev b$i
    there ip addr add 2001:db8:a$i::2/64 dev b$i nodad
    there ip link set b$i up
    there ip neigh replace 198.18.$i.1 lladdr 02:00:00:00:0$i:01 dev b$i
    there ip neigh replace 2001:db8:a$i::1 lladdr 02:00:00:00:0$i:01 dev b$i
done
there ip link set lo up
there ip addr add 198.18.5.1/32 dev lo
there ip addr add 2001:db8:5::1/128 dev lo nodad
# Routes wait for the addresses of their gateways' networks.
until ip -6 addr show dev a1 | grep -q 2001:db8:a1::1; do sleep 0.1; done
ip route add 198.18.5.0/24 nexthop via 198.18.0.2 dev a0 nexthop via 198.18.1.2 dev a1
ip -6 route add 2001:db8:5::/64 nexthop via 2001:db8:a0::2 dev a0 nexthop via 2001:db8:a1::2 dev a1
for i in 0 1; do
    echo "add table ip t$i; add table ip6 t$i"
    for family in ip:198.18.5.1 ip6:2001:db8:5::1; do
        echo "add chain ${family%%:*} t$i c { type filter hook prerouting priority raw; }"
        for answer in exists missing; do
            echo "add rule ${family%%:*} t$i c ${family%%:*} saddr ${family#*:} iifname a$i fib saddr . iif oif $answer counter"
        done
    done
    "$legacy" iptables -t raw -A PREROUTING -s 198.18.5.1 -i a$i -m rpfilter
    "$legacy" ip6tables -t raw -A PREROUTING -s 2001:db8:5::1 -i a$i -m rpfilter
done >"$work/rules"
"$nft" -f "$work/rules"
for i in 0 1; do
    there python3 "$work/send.py" 4 198.18.5.1 b$i 198.18.$i.1
    there python3 "$work/send.py" 6 2001:db8:5::1 b$i 2001:db8:a$i::1
done
counted() { "$nft" list table "$1" "$2" | sed -n "s/.* oif $3 counter packets \([0-9]*\) .*/\1/p"; }
for i in 0 1; do
    for family in ip ip6; do
        for answer in exists missing; do echo "$family a$i fib $answer $(counted $family t$i $answer)"; done
        tables=${family}tables
        found=$("$legacy" "$tables" -t raw -nvxL PREROUTING | awk -v i=a$i '$0 ~ " " i " " {print $1}')
        echo "$family a$i rpfilter $found"
    done
done >"$work/seen"
SH
cat "$work/seen"
is() { grep -qx "$1" "$work/seen" || { echo "  expected: $1"; bad=1; }; }
some() {
    number=$(sed -n "s/^$1 //p" "$work/seen")
    [ "${number:-0}" -gt 0 ] && [ "$number" -lt 40 ] || { echo "  expected: $1 of some of 40"; bad=1; }
}
bad=0
for link in a0 a1; do
    is "ip $link fib exists 40"
    is "ip $link fib missing 0"
    is "ip $link rpfilter 40"
    is "ip6 $link rpfilter 40"
    some "ip6 $link fib exists"
    some "ip6 $link fib missing"
done
exit $bad
