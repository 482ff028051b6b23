coverage: -m set --match-set banned src

rule: -A INPUT -m set ! --match-set banned src -m set --match-set banned dst --return-nomatch -j DROP
  saved: -A INPUT -m set ! --match-set banned src -m set --match-set banned dst --return-nomatch -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 ! match-set banned src match-set banned dst return-nomatch
  listed ip6: DROP 0 -- * * ::/0 ::/0 ! match-set banned src match-set banned dst return-nomatch

refused BPFC0004: -A INPUT -m set --match-set s up
  marked: s
refused BPFC0004: -A INPUT -m set
  marked: set
