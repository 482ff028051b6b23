coverage: -m dscp --dscp-class EF

rule: -A INPUT -m dscp --dscp 10 -m dscp ! --dscp-class ef -m dscp --dscp-class AF11
  saved: -A INPUT -m dscp --dscp 0x0a -m dscp ! --dscp 0x2e -m dscp --dscp 0x0a
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 DSCP match 0x0a DSCP match !0x2e DSCP match 0x0a
  listed ip6: 0 -- * * ::/0 ::/0 DSCP match 0x0a DSCP match !0x2e DSCP match 0x0a

test: -m dscp --dscp 4
  hit: ip dscp 4 udp
  hit: ip6 dscp 4 udp
  miss: ip dscp 5 udp
  miss: ip tos 4 udp
test: -m dscp ! --dscp 4
  hit: ip dscp 5 udp
  miss: ip dscp 4 udp

refused BPFC0004: -A INPUT -m dscp --dscp 64
  marked: 64
refused BPFC0004: -A INPUT -m dscp --dscp-class AF99
  marked: AF99
