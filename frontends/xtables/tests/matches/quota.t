coverage: -m quota --quota 1000000

rule: -A INPUT -m quota --quota 5000 -m quota ! --quota 0x10 -m quota --quota 18446744073709551615
  saved: -A INPUT -m quota --quota 5000 -m quota ! --quota 16 -m quota --quota 18446744073709551615
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 quota: 5000 bytes quota: 16 bytes quota: 18446744073709551615 bytes
  listed ip6: 0 -- * * ::/0 ::/0 quota: 5000 bytes quota: 16 bytes quota: 18446744073709551615 bytes

test: -m quota --quota 0
  miss: ip udp
test: -m quota ! --quota 0
  hit: ip udp

refused BPFC0004: -A INPUT -m quota --quota -1
  marked: -1
