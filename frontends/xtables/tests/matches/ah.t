coverage: -p ah -m ah --ahspi 500
coverage ip6: -m ah --ahspi 500

rule ip: -A INPUT -p ah -m ah --ahspi 500:600 -m ah ! --ahspi 5 -j DROP
  saved: -A INPUT -p ah -m ah --ahspi 500:600 -m ah ! --ahspi 5 -j DROP
  listed: DROP 51 -- * * 0.0.0.0/0 0.0.0.0/0 ah spis:500:600 ah spi:!5

rule ip6: -A INPUT -m ah --ahspi 500 ! --ahlen 40 --ahres -m ah ! --ahspi 1:2
  saved: -A INPUT -m ah --ahspi 500 ! --ahlen 40 --ahres -m ah ! --ahspi 1:2
  listed: 0 -- * * ::/0 ::/0 ah spi:500length:!40 reserved ah spis:!1:2

test ip: -p ah -m ah --ahspi 500:600
  hit: ip protocol 51 payload 06040000000001f400000001000000000000000000000000
  miss: ip protocol 51 payload 06040000000001f300000001000000000000000000000000
  miss: ip udp
test ip6: -m ah --ahspi 500 --ahlen 24
  hit: ip6 nexthdr 51 payload 3b040000000001f400000001000000000000000000000000
  miss: ip6 nexthdr 51 payload 3b040000000001f300000001000000000000000000000000
  miss: ip6 udp

refused ip BPFC0004: -A INPUT -p tcp -m ah --ahspi 5
  marked: ah
refused ip6 BPFC0004: -A INPUT -m ah --ahlen x
  marked: x
