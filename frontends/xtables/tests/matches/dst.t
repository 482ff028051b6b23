coverage: -m dst --dst-len 8

rule ip6: -A INPUT -m dst --dst-len 8 --dst-opts 5:2,7 -m dst ! --dst-len 0x10
  saved: -A INPUT -m dst --dst-len 8 --dst-opts 5:2,7 -m dst ! --dst-len 16
  listed: 0 -- * * ::/0 ::/0 dst length:8 opts 5:2,7 dst length:!16

test ip6: -m dst --dst-len 8
  hit: ip6 nexthdr 60 payload 3b00010400000000
  miss: ip6 nexthdr 60 payload 3b01010c00000000000000000000000000
  miss: ip6 udp

