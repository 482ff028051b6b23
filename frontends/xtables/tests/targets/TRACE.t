coverage raw: -j TRACE

rule raw: -A PREROUTING -p icmp -j TRACE
  saved: -A PREROUTING -p icmp -j TRACE
  listed ip: TRACE 1 -- * * 0.0.0.0/0 0.0.0.0/0
  listed ip6: TRACE 1 -- * * ::/0 ::/0

refused BPFC0004: -A INPUT -j TRACE
  marked: TRACE
