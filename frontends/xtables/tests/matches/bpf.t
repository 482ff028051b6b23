coverage: -m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"

rule: -A INPUT -m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0" -j DROP
  saved: -A INPUT -m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0" -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 match bpf 48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0
  listed ip6: DROP 0 -- * * ::/0 ::/0 match bpf 48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0

test ip: -m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"
  hit: ip tcp
  miss: ip udp

refused BPFC0004: -A INPUT -m bpf --bytecode "1,99"
  marked: "1,99"
refused BPFC0004: -A INPUT -m bpf --bytecode "2,6 0 0 1"
  marked: "2,6 0 0 1"
