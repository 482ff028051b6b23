coverage: -p esp -m esp --espspi 500

rule: -A INPUT -p esp -m esp --espspi 500:600 -m esp ! --espspi 0x7 -j DROP
  saved: -A INPUT -p esp -m esp --espspi 500:600 -m esp ! --espspi 7 -j DROP
  listed ip: DROP 50 -- * * 0.0.0.0/0 0.0.0.0/0 esp spis:500:600 esp spi:!7
  listed ip6: DROP 50 -- * * ::/0 ::/0 esp spis:500:600 esp spi:!7

test: -p esp -m esp --espspi 500:600
  hit: ip esp spi 500
  hit: ip6 esp spi 600
  miss: ip esp spi 499
  miss: ip udp
test: -p esp -m esp ! --espspi 500
  hit: ip esp spi 501
  miss: ip esp spi 500

refused BPFC0004: -A INPUT -p esp -m esp --espspi x
  marked: x
