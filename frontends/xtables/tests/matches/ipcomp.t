coverage: -p ipcomp -m ipcomp --ipcompspi 18

rule: -A INPUT -p 108 -m ipcomp -m ipcomp --ipcompspi 5:9 --compres -m ipcomp ! --ipcompspi :
  saved: -A INPUT -p ipcomp -m ipcomp --ipcompspi 0 -m ipcomp --ipcompspi 5:9 --compres -m ipcomp ! --ipcompspi 0:4294967295
  listed ip: 108 -- * * 0.0.0.0/0 0.0.0.0/0 comp spi:0 comp spis:5:9 reserved comp spis:!0:4294967295
  listed ip6: 108 -- * * ::/0 ::/0 comp spi:0 comp spis:5:9 reserved comp spis:!0:4294967295

rule: -A INPUT -p 108 -m ipcomp ! --ipcompspi 7 -m ipcomp --ipcompspi : -m ipcomp --ipcompspi 4:3
  saved: -A INPUT -p ipcomp -m ipcomp ! --ipcompspi 7 -m ipcomp -m ipcomp --ipcompspi 4:3
  listed ip: 108 -- * * 0.0.0.0/0 0.0.0.0/0 comp spi:!7 comp comp spis:4:3
  listed ip6: 108 -- * * ::/0 ::/0 comp spi:!7 comp comp spis:4:3

test: -p 108 -m ipcomp --ipcompspi 18
  hit: ip protocol 108 payload 04000012
  hit: ip6 nexthdr 108 payload 04000012
  miss: ip protocol 108 payload 04000013
  miss: ip udp
test: -p 108 -m ipcomp ! --ipcompspi 5:18
  hit: ip protocol 108 payload 04000013
  miss: ip protocol 108 payload 04000012

refused BPFC0004: -A INPUT -p 108 -m ipcomp --ipcompspi x
  marked: x
refused BPFC0004: -A INPUT -p tcp -m ipcomp --ipcompspi 5
  marked: ipcomp
