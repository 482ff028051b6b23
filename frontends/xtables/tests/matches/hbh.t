coverage: -m hbh --hbh-len 8

rule ip6: -A INPUT -m hbh --hbh-len 8 --hbh-opts 5:2,7 -m hbh ! --hbh-len 0x10
  saved: -A INPUT -m hbh --hbh-len 8 --hbh-opts 5:2,7 -m hbh ! --hbh-len 16
  listed: 0 -- * * ::/0 ::/0 hbh length:8 opts 5:2,7 hbh length:!16

test ip6: -m hbh --hbh-len 8
  hit: ip6 nexthdr 0 payload 3b00010400000000
  miss: ip6 nexthdr 0 payload 3b01010c00000000000000000000000000
  miss: ip6 udp
test ip6: -m hbh --hbh-opts 5:2
  hit: ip6 nexthdr 0 payload 3b00050200000100
  miss: ip6 nexthdr 0 payload 3b00010400000000

refused ip6 BPFC0004: -A INPUT -m hbh --hbh-len x
  marked: x
