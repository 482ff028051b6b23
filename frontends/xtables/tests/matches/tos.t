coverage: -m tos --tos Minimize-Delay

rule: -A INPUT -m tos --tos Minimize-Delay -m tos ! --tos 0x10/0x1e -m tos --tos 4
  saved: -A INPUT -m tos --tos 0x10/0x3f -m tos ! --tos 0x10/0x1e -m tos --tos 0x04/0xff
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 tos match0x10/0x3f tos match!0x10/0x1e tos match0x04/0xff
  listed ip6: 0 -- * * ::/0 ::/0 tos match0x10/0x3f tos match!0x10/0x1e tos match0x04/0xff

test: -m tos --tos 0x10/0x1e
  hit: ip tos 17 udp
  hit: ip6 tclass 241 udp
  miss: ip tos 18 udp
test: -m tos ! --tos 0x04
  hit: ip tos 0 udp
  miss: ip tos 4 udp

refused BPFC0004: -A INPUT -m tos --tos 256
  marked: 256
