coverage: -m rt --rt-type 0

rule ip6: -A INPUT -m rt --rt-type 2 ! --rt-segsleft 1:3 --rt-len 40
  saved: -A INPUT -m rt --rt-type 2 ! --rt-segsleft 1:3 --rt-len 40
  listed: 0 -- * * ::/0 ::/0 rt type:2 segslefts:!1:3 length:40

rule ip6: -A INPUT -m rt --rt-type 0 --rt-0-res --rt-0-addrs 2001:db8::1,2001:db8::2 --rt-0-not-strict
  saved: -A INPUT -m rt --rt-type 0 --rt-0-res --rt-0-addrs 2001:db8::1,2001:db8::2 --rt-0-not-strict
  listed: 0 -- * * ::/0 ::/0 rt type:0 reserved 0-addrs 2001:db8::1,2001:db8::2 0-not-strict

test ip6: -m rt --rt-type 2 --rt-segsleft 1:3
  hit: ip6 nexthdr 43 payload 3b0202010000000020010db8000000000000000000000009
  miss: ip6 nexthdr 43 payload 3b0202000000000020010db8000000000000000000000009
  miss: ip6 nexthdr 43 payload 3b0203010000000020010db8000000000000000000000009
  miss: ip6 udp

refused ip6 BPFC0004: -A INPUT -m rt --rt-type 0 --rt-segsleft x
  marked: x
