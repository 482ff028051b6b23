coverage: -m pkttype --pkt-type broadcast

rule: -A INPUT -m pkttype --pkt-type host -m pkttype ! --pkt-type MCAST
  saved: -A INPUT -m pkttype --pkt-type unicast -m pkttype ! --pkt-type multicast
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 PKTTYPE = unicast PKTTYPE != multicast
  listed ip6: 0 -- * * ::/0 ::/0 PKTTYPE = unicast PKTTYPE != multicast

test: -m pkttype --pkt-type multicast
  hit: pkttype=multicast ip udp
  miss: pkttype=broadcast ip udp
  miss: ip udp
test: -m pkttype ! --pkt-type broadcast
  hit: pkttype=multicast ip udp
  miss: pkttype=broadcast ip udp
test: -m pkttype --pkt-type unicast
  hit: ip udp
  miss: pkttype=broadcast ip udp

refused BPFC0004: -A INPUT -m pkttype --pkt-type nosuch
  marked: nosuch
