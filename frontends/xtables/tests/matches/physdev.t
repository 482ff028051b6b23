coverage: -m physdev --physdev-in eth0

rule: -A FORWARD -m physdev --physdev-in tap100i0 --physdev-is-bridged -m physdev ! --physdev-in fw+
  saved: -A FORWARD -m physdev --physdev-in tap100i0 --physdev-is-bridged -m physdev ! --physdev-in fw+
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 PHYSDEV match --physdev-in tap100i0 --physdev-is-bridged PHYSDEV match ! --physdev-in fw+
  listed ip6: 0 -- * * ::/0 ::/0 PHYSDEV match --physdev-in tap100i0 --physdev-is-bridged PHYSDEV match ! --physdev-in fw+

rule: -A INPUT -m physdev ! --physdev-is-bridged ! --physdev-is-in -m physdev --physdev-is-out
  saved: -A INPUT -m physdev ! --physdev-is-in ! --physdev-is-bridged -m physdev --physdev-is-out
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 PHYSDEV match ! --physdev-is-in ! --physdev-is-bridged PHYSDEV match --physdev-is-out
  listed ip6: 0 -- * * ::/0 ::/0 PHYSDEV match ! --physdev-is-in ! --physdev-is-bridged PHYSDEV match --physdev-is-out

rule: -A FORWARD -m physdev ! --physdev-out tap+ --physdev-is-out --physdev-in + -j DROP
  saved: -A FORWARD -m physdev --physdev-in + --physdev-is-out ! --physdev-out tap+ -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 PHYSDEV match --physdev-in + --physdev-is-out ! --physdev-out tap+
  listed ip6: DROP 0 -- * * ::/0 ::/0 PHYSDEV match --physdev-in + --physdev-is-out ! --physdev-out tap+

rule: -A OUTPUT -m physdev --physdev-is-bridged --physdev-out fwln100i0 ! --physdev-is-in
  saved: -A OUTPUT -m physdev ! --physdev-is-in --physdev-out fwln100i0 --physdev-is-bridged
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 PHYSDEV match ! --physdev-is-in --physdev-out fwln100i0 --physdev-is-bridged
  listed ip6: 0 -- * * ::/0 ::/0 PHYSDEV match ! --physdev-is-in --physdev-out fwln100i0 --physdev-is-bridged

test: -m physdev --physdev-is-in ! --physdev-is-bridged
test: -m physdev ! --physdev-is-in
  hit: in=eth0 ip udp
test: -m physdev --physdev-is-bridged --physdev-out tap+
test: -m physdev ! --physdev-is-out ! --physdev-in tap1
test: -m physdev --physdev-in tap1
  miss: in=eth0 ip udp
test: -m physdev ! --physdev-in tap+ ! --physdev-is-bridged
test: -m physdev ! --physdev-out tap1

refused BPFC0004: -A INPUT -m physdev
  marked: physdev
