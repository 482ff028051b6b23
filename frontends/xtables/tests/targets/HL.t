coverage: -j HL --hl-set 64

rule mangle ip6: -A INPUT -j HL --hl-set 0x40
  saved: -A INPUT -j HL --hl-set 64
  listed: HL 0 -- * * ::/0 ::/0 HL set to 64

rule mangle ip6: -A OUTPUT -j HL --hl-inc 5
  saved: -A OUTPUT -j HL --hl-inc 5
  listed: HL 0 -- * * ::/0 ::/0 HL increment by 5

rule mangle ip6: -A OUTPUT -p tcp -j HL --hl-dec 1
  saved: -A OUTPUT -p tcp -j HL --hl-dec 1
  listed: HL 6 -- * * ::/0 ::/0 HL decrement by 1

rewrite ip6: -j HL --hl-set 64
rewrite ip6: -j HL --hl-inc 191
rewrite ip6: -j HL --hl-dec 64

refused ip6 BPFC0004: -A INPUT -j HL --hl-set 1
  marked: HL
