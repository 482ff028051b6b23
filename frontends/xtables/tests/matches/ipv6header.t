coverage: -m ipv6header --header frag

rule ip6: -A INPUT -m ipv6header --header frag,esp --soft -m ipv6header ! --header hop-by-hop
  saved: -A INPUT -m ipv6header --header ipv6-frag,esp --soft -m ipv6header ! --header hop-by-hop
  listed: 0 -- * * ::/0 ::/0 ipv6header flags:0x14 soft ipv6header flags:!0x80

test ip6: -m ipv6header --header dst --soft
  hit: ip6 nexthdr 60 payload 3b00010400000000
  miss: ip6 nexthdr 0 payload 3b00010400000000
  miss: ip6 udp
test ip6: -m ipv6header ! --header hop --soft
  hit: ip6 udp
  miss: ip6 nexthdr 0 payload 3b00010400000000

refused ip6 BPFC0004: -A INPUT -m ipv6header --header nosuch
  marked: nosuch
