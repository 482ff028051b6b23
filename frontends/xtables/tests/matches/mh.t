coverage: -p mh -m mh --mh-type 5

rule ip6: -A INPUT -p mh -m mh --mh-type 5:7 -m mh ! --mh-type binding-refresh-request
  saved: -A INPUT -p mobility-header -m mh --mh-type 5:7 -m mh ! --mh-type 0
  listed: 135 -- * * ::/0 ::/0 mh 5:7 mh !0

test ip6: -p mh -m mh --mh-type 5
  hit: ip6 nexthdr 135 payload 3b00050000000000
  miss: ip6 nexthdr 135 payload 3b00060000000000
  miss: ip6 udp

refused ip6 BPFC0004: -A INPUT -p mh -m mh --mh-type 300
  marked: 300
