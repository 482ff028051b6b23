coverage: -m devgroup --src-group 1

rule: -A FORWARD -m devgroup --src-group 5 -m devgroup ! --src-group 0x5/0xff --dst-group 7/0xff
  saved: -A FORWARD -m devgroup --src-group 0x5 -m devgroup ! --src-group 0x5/0xff --dst-group 0x7/0xff
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 src-group 0x5 ! src-group 0x5/0xff dst-group 0x7/0xff
  listed ip6: 0 -- * * ::/0 ::/0 src-group 0x5 ! src-group 0x5/0xff dst-group 0x7/0xff

rule: -A INPUT -m devgroup --src-group 0 -m devgroup ! --src-group default
  saved: -A INPUT -m devgroup --src-group default -m devgroup ! --src-group default
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 src-group 0x0 ! src-group 0x0
  listed ip6: 0 -- * * ::/0 ::/0 src-group 0x0 ! src-group 0x0

test: -m devgroup --src-group 0
  hit: ip udp
test: -m devgroup ! --src-group 0x5/0xff
  hit: ip udp
test: -m devgroup --src-group 5
  miss: ip udp

refused BPFC0004: -A INPUT -m devgroup
  marked: devgroup
