coverage: -m mark --mark 1

rule: -A INPUT -m mark --mark 16 -m mark ! --mark 0x1/0xff
  saved: -A INPUT -m mark --mark 0x10 -m mark ! --mark 0x1/0xff
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 mark match 0x10 mark match ! 0x1/0xff
  listed ip6: 0 -- * * ::/0 ::/0 mark match 0x10 mark match ! 0x1/0xff

test: -m mark --mark 1
  hit: mark=1 ip udp
  miss: mark=3 ip udp
  miss: ip udp
test: -m mark ! --mark 2/3
  hit: mark=3 ip udp
  miss: mark=6 ip udp

refused BPFC0004: -A INPUT -m mark --mark x
  marked: x
