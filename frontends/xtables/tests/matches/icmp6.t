coverage: -p icmpv6 -m icmp6 --icmpv6-type echo-request

rule ip6: -A INPUT -p icmpv6 --icmpv6-type neighbour-solicitation
  saved: -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135
  listed: 58 -- * * ::/0 ::/0 ipv6-icmptype 135

rule ip6: -A INPUT -p 58 -m icmpv6 ! --icmpv6-type 1/3 -j DROP
  saved: -A INPUT -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/3 -j DROP
  listed: DROP 58 -- * * ::/0 ::/0 ipv6-icmp !type 1 code 3

test ip6: -p ipv6-icmp -m icmp6 --icmpv6-type 128
  hit: ip6 icmp6 type 128
  miss: ip6 icmp6 type 129
  miss: ip6 udp
test ip6: -p ipv6-icmp -m icmp6 ! --icmpv6-type 128/1
  hit: ip6 icmp6 type 128 code 0
  miss: ip6 icmp6 type 128 code 1

refused ip6 BPFC0004: -A INPUT -p icmpv6 -m icmp6 --icmpv6-type nosuch
  marked: nosuch
