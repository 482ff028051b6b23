coverage: -p icmp -m icmp --icmp-type echo-request

rule ip: -A INPUT -p icmp --icmp-type echo-request
  saved: -A INPUT -p icmp -m icmp --icmp-type 8
  listed: 1 -- * * 0.0.0.0/0 0.0.0.0/0 icmptype 8

rule ip: -A INPUT -p icmp -m icmp ! --icmp-type 3/4 -m icmp --icmp-type any
  saved: -A INPUT -p icmp -m icmp ! --icmp-type 3/4 -m icmp --icmp-type any
  listed: 1 -- * * 0.0.0.0/0 0.0.0.0/0 icmp !type 3 code 4 icmptype 255

rule ip: -A INPUT -p 1 -m icmp --icmp-type ttl-zero-during-t -j DROP
  saved: -A INPUT -p icmp -m icmp --icmp-type 11/0 -j DROP
  listed: DROP 1 -- * * 0.0.0.0/0 0.0.0.0/0 icmptype 11 code 0

test ip: -p icmp -m icmp --icmp-type 8
  hit: ip icmp type 8
  hit: ip icmp type 8 code 3
  miss: ip icmp type 0
  miss: ip tcp
test ip: -p icmp -m icmp ! --icmp-type 8/0
  hit: ip icmp type 8 code 1
  hit: ip icmp type 0
  miss: ip icmp type 8 code 0
test ip: -p icmp -m icmp --icmp-type any
  hit: ip icmp type 77
  miss: ip udp

refused ip BPFC0004: -A INPUT -p icmp -m icmp --icmp-type nosuch
  marked: nosuch
refused ip BPFC0004: -A INPUT -p icmp -m icmp --icmp-type 256
  marked: 256
