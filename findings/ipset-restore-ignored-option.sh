#!/usr/bin/env bash
# `ipset restore` that warns of an ignored option loses every element behind it, and exits with 0.
#
# Surprise: files that older versions of ipset saved hold options such as `probes 4`, `resize 50` or `gc 300`.
# ipset takes them with "Warning: Option '--probes 4' is ignored. Please upgrade your syntax." and goes on,
# so that the restored set looks complete: but the commands that it had gathered and not yet handed to the
# kernel are dropped with the warning, and so are those that follow, up to the end of the file. Errors in
# them are not told either. The set is created and stays empty, and a firewall with a rule on it blocks (or
# admits) nothing. Without the option the same file restores every element; with a set that does not exist
# in its last line it ends with exit status 1, and behind a warning with 0.
#
# Seen with ipset 7.17-1 (Debian 12) on Linux 6.18.44:
#   no old option: exit 0, 3 elements
#   create with 'probes 4': exit 0, 0 elements, warned
#   no old option, last line names a missing set: exit 1
#   create with 'probes 4', last line names a missing set: exit 0
# Exit status: 0 where this is what happens, 1 where it is not, 77 where it cannot be tried.
# Needs root, Debian 12's apt, and a kernel with hash:ip sets.
set -euo pipefail
[ "$(id -u)" = 0 ] || { echo "root is needed"; exit 77; }
for tool in apt-get dpkg-deb ip nsenter; do
    command -v "$tool" >/dev/null || { echo "$tool is needed"; exit 77; }
done
work=$(mktemp -d)
space=finding-$$
clean() {
    rm -rf "$work"
    ip netns del "$space" 2>/dev/null || true
}
trap clean EXIT
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download ipset=7.17-1 libipset13=7.17-1) ||
    { echo "the packages of ipset 7.17-1 cannot be had"; exit 77; }
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
program=$(find "$work/root" -type f -name ipset -path '*sbin*')
libraries=$(dirname "$(find "$work/root" -name 'libipset.so.13' | head -n 1)")
ip netns add "$space"
sets() { nsenter --net="/run/netns/$space" env LD_LIBRARY_PATH="$libraries" "$program" "$@"; }
echo "kernel $(uname -r), $(sets --version | head -n 1)"

bad=0
expect() { # what it is called, what is expected, the lines
    status=0
    printf '%s\n' "${@:3}" | sets restore 2>"$work/said" || status=$?
    seen="$1: exit $status"
    if [[ $1 != *missing* ]]; then
        seen="$seen, $(sets save | grep -c '^add' || true) elements"
        ! grep -q 'is ignored' "$work/said" || seen="$seen, warned"
    fi
    sets destroy
    echo "$seen"
    [ "$seen" = "$2" ] || { echo "  expected: $2"; bad=1; }
}
elements=('add blocked 192.0.2.1' 'add blocked 192.0.2.2' 'add blocked 192.0.2.3')
new='create blocked hash:ip hashsize 64'
name='no old option'
expect "$name" "$name: exit 0, 3 elements" "$new" "${elements[@]}"
name="create with 'probes 4'"
expect "$name" "$name: exit 0, 0 elements, warned" "$new probes 4" "${elements[@]}"
name='no old option, last line names a missing set'
expect "$name" "$name: exit 1" "$new" 'add absent 192.0.2.9'
name="create with 'probes 4', last line names a missing set"
expect "$name" "$name: exit 0" "$new probes 4" 'add absent 192.0.2.9'
exit $bad
