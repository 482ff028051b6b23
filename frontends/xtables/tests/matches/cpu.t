coverage: -m cpu --cpu 0

rule: -A INPUT -m cpu --cpu 0 -m cpu ! --cpu 0x3
  saved: -A INPUT -m cpu --cpu 0 -m cpu ! --cpu 3
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 cpu 0 cpu ! 3
  listed ip6: 0 -- * * ::/0 ::/0 cpu 0 cpu ! 3

test: -m cpu --cpu 1
  hit: cpu=1 ip udp
  miss: cpu=0 ip udp

refused BPFC0004: -A INPUT -m cpu --cpu x
  marked: x
