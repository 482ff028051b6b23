#!/usr/bin/env bash
# Connection tracking takes correct UDP-Lite packets for INVALID.
#
# Surprise: conntrack has UDP-Lite support of its own, and with net.netfilter.nf_conntrack_checksum at its
# default of 1 it finds every correct UDP-Lite packet that has not been checked by a device INVALID: so the usual
# `--ctstate INVALID -j DROP` ends UDP-Lite. The packets are right: the kernel's own UDP-Lite socket takes
# the very same ones, and with nf_conntrack_checksum 0 they are NEW. The same packet with the pseudo header
# of UDP (protocol 17), which the socket refuses, is NEW for conntrack in both settings: it sums with the
# wrong protocol number. So a program that works out conntrack's state must copy the mistake.
#
# Seen on Linux 6.18.44 (x86-64) with iptables 1.8.9-2 (legacy back end) and Python 3:
#   checksum 1, right sum:     NEW 0 INVALID 1, socket receives 1
#   checksum 1, sum as of UDP: NEW 1 INVALID 0, socket receives 0
#   checksum 0, right sum:     NEW 1 INVALID 0, socket receives 1
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root, Debian 12's apt, ip, python3, and a kernel with UDP-Lite sockets.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in apt-get dpkg-deb ip nsenter python3; do
    command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }
done
work=$(mktemp -d)
near=finding-near-$$
far=finding-far-$$
clean() {
    rm -rf "$work"
    ip netns del "$near" 2>/dev/null || true
    ip netns del "$far" 2>/dev/null || true
}
trap clean EXIT
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download iptables=1.8.9-2 libxtables12=1.8.9-2 libip4tc2=1.8.9-2 libip6tc2=1.8.9-2) ||
    { echo "the packages of iptables 1.8.9-2 cannot be had"; exit 77; }
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
legacy=$(find "$work/root" -name xtables-legacy-multi)
modules=$(find "$work/root" -type d -name xtables)
libraries=$(dirname "$(find "$work/root" -name 'libxtables.so.12' | head -n 1)")
tables() {
    nsenter --net="/run/netns/$far" env LD_LIBRARY_PATH="$libraries" XTABLES_LIBDIR="$modules" \
        "$legacy" iptables "$@"
}
echo "kernel $(uname -r), $(ip netns add "$far" && tables --version)"

ip netns add "$near"
ip link add end0 netns "$near" type veth peer name end0 netns "$far"
for place in "$near:192.0.2.1" "$far:192.0.2.2"; do
    ip -n "${place%:*}" addr add "${place#*:}/24" dev end0
    ip -n "${place%:*}" link set end0 up
done
tables -A INPUT -p udplite -m conntrack --ctstate NEW
tables -A INPUT -p udplite -m conntrack --ctstate INVALID

cat >"$work/try.py" <<'PYTHON'
import ctypes, os, socket, struct, sys
near, far, protocol, port = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
libc = ctypes.CDLL(None, use_errno=True)

def enter(name):
    with open("/run/netns/" + name) as file:
        if libc.setns(file.fileno(), 0x40000000):
            sys.exit(77)

def total(data):
    number = sum(struct.unpack(f">{len(data) // 2}H", data))
    while number >> 16:
        number = (number & 0xffff) + (number >> 16)
    return ~number & 0xffff

enter(far)
try:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136)
except OSError:
    print("this kernel has no UDP-Lite sockets")
    sys.exit(77)
receiver.bind(("192.0.2.2", port))
receiver.settimeout(1)
enter(near)
sender = socket.socket(socket.AF_INET, socket.SOCK_RAW, 136)
source, destination = socket.inet_aton("192.0.2.1"), socket.inet_aton("192.0.2.2")
payload = b"data"
# Ports, the checksum's coverage (all of the packet), the checksum.
header = struct.pack(">HHHH", 4000, port, 8 + len(payload), 0)
pseudo = source + destination + struct.pack(">BBH", 0, protocol, 8 + len(payload))
header = header[:6] + struct.pack(">H", total(pseudo + header + payload))
sender.sendto(header + payload, ("192.0.2.2", 0))
try:
    print(int(receiver.recv(100) == payload))
except TimeoutError:
    print(0)
PYTHON

bad=0
port=5000
expect() { # setting, protocol of the pseudo header, what it is called, what is expected
    nsenter --net="/run/netns/$far" sh -c "echo $1 >/proc/sys/net/netfilter/nf_conntrack_checksum"
    tables -Z
    port=$((port + 1))
    received=$(python3 "$work/try.py" "$near" "$far" "$2" "$port") || { echo "$received"; exit 77; }
    counts=$(tables -nvxL INPUT | awk '/NEW/ { new = $1 } /INVALID/ { invalid = $1 } END { print "NEW " new " INVALID " invalid }')
    seen="checksum $1, $3: $counts, socket receives $received"
    echo "$seen"
    [ "$counts, socket receives $received" = "$4" ] || { echo "  expected: $4"; bad=1; }
}
expect 1 136 "right sum" "NEW 0 INVALID 1, socket receives 1"
expect 1 17 "sum as of UDP" "NEW 1 INVALID 0, socket receives 0"
expect 0 136 "right sum" "NEW 1 INVALID 0, socket receives 1"
exit $bad
