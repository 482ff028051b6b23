coverage: -m hl --hl-lt 5

rule ip6: -A INPUT -m hl --hl 5 -m hl ! --hl-eq 5 -m hl --hl-lt 9 -m hl --hl-gt 1
  saved: -A INPUT -m hl --hl-eq 5 -m hl ! --hl-eq 5 -m hl --hl-lt 9 -m hl --hl-gt 1
  listed: 0 -- * * ::/0 ::/0 HL match HL == 5 HL match HL != 5 HL match HL < 9 HL match HL > 1

test ip6: -m hl --hl-gt 64
  hit: ip6 hoplimit 65 udp
  miss: ip6 hoplimit 64 udp
test ip6: -m hl ! --hl-eq 64
  hit: ip6 hoplimit 65 udp
  miss: ip6 hoplimit 64 udp

refused ip BPFC0005: -A INPUT -m hl --hl-eq 5
  marked: hl
refused ip6 BPFC0004: -A INPUT -m hl --hl-eq 256
  marked: 256
