coverage: -m ipv6header --header frag

rule ip6: -A INPUT -m ipv6header --header frag,esp --soft -m ipv6header ! --header hop-by-hop
  saved: -A INPUT -m ipv6header --header ipv6-frag,esp --soft -m ipv6header ! --header hop-by-hop
  listed: 0 -- * * ::/0 ::/0 ipv6header flags:0x14 soft ipv6header flags:!0x80
