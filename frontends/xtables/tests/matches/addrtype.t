coverage: -m addrtype --dst-type LOCAL

rule ip: -A INPUT -m addrtype ! --src-type LOCAL,un --dst-type broad,XRESOLVE,throw
  saved: -A INPUT -m addrtype ! --src-type UNSPEC,LOCAL --dst-type BROADCAST,THROW,XRESOLVE
  listed: 0 -- * * 0.0.0.0/0 0.0.0.0/0 ADDRTYPE match src-type !UNSPEC,LOCAL dst-type BROADCAST,THROW,XRESOLVE

rule ip: -A FORWARD -m addrtype --dst-type PROHIBIT,UNREACHABLE --limit-iface-in -j DROP
  saved: -A FORWARD -m addrtype --dst-type UNREACHABLE,PROHIBIT --limit-iface-in -j DROP
  listed: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 ADDRTYPE match dst-type UNREACHABLE,PROHIBIT limit-in

rule ip: -A OUTPUT -m addrtype --src-type local ! --dst-type MULTICAST,NAT --limit-iface-out
  saved: -A OUTPUT -m addrtype --src-type LOCAL ! --dst-type MULTICAST,NAT --limit-iface-out
  listed: 0 -- * * 0.0.0.0/0 0.0.0.0/0 ADDRTYPE match src-type LOCAL dst-type !MULTICAST,NAT limit-out

rule ip6: -A INPUT -m addrtype ! --dst-type LOCAL,ANYCAST,UNREACH --src-type UNICAST,MULTICAST,UNSPEC
  saved: -A INPUT -m addrtype --src-type UNSPEC,UNICAST,MULTICAST ! --dst-type LOCAL,ANYCAST,UNREACHABLE
  listed: 0 -- * * ::/0 ::/0 ADDRTYPE match src-type UNSPEC,UNICAST,MULTICAST dst-type !LOCAL,ANYCAST,UNREACHABLE

refused BPFC0004: -A INPUT -m addrtype --src-type NOWHERE
  marked: NOWHERE
