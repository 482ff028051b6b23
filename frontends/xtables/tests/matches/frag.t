coverage: -m frag --fragfirst

rule ip6: -A INPUT -m frag --fragid 1:9 --fragfirst --fragmore -m frag ! --fragid 7 --fraglast --fragres
  saved: -A INPUT -m frag --fragid 1:9 --fragfirst --fragmore -m frag ! --fragid 7 --fragres --fraglast
  listed: 0 -- * * ::/0 ::/0 frag ids:1:9 first more frag id:!7 reserved last

test ip6: -m frag --fragid 7 --fragfirst
  hit: ip6 nexthdr 44 payload 3b00000100000007
  miss: ip6 nexthdr 44 payload 3b00000100000008
  miss: ip6 nexthdr 44 payload 3b00000900000007
  miss: ip6 udp
test ip6: -m frag --fraglast
  hit: ip6 nexthdr 44 payload 3b00000800000007
  miss: ip6 nexthdr 44 payload 3b00000100000007

refused ip6 BPFC0004: -A INPUT -m frag --fragid x
  marked: x
