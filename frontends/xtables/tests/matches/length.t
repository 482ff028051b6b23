coverage: -m length --length 100:200

rule: -A INPUT -m length --length 100 -m length ! --length 7: -m length --length :
  saved: -A INPUT -m length --length 100 -m length ! --length 7:65535 -m length --length 0:65535
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 length 100 length !7:65535 length 0:65535
  listed ip6: 0 -- * * ::/0 ::/0 length 100 length !7:65535 length 0:65535

test: -m length --length 40:60
  hit: ip length 40
  hit: ip udp length 60
  miss: ip udp length 61
  miss: ip6 udp length 300
test: -m length ! --length 0:52
  hit: ip udp length 53
  miss: ip udp length 52
test: -m length --length 60:40
  miss: ip udp length 50

refused BPFC0004: -A INPUT -m length --length 70000
  marked: 70000
