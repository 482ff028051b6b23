coverage: -p ah -m ah --ahspi 500
coverage ip6: -m ah --ahspi 500

rule ip: -A INPUT -p ah -m ah --ahspi 500:600 -m ah ! --ahspi 5 -j DROP
  saved: -A INPUT -p ah -m ah --ahspi 500:600 -m ah ! --ahspi 5 -j DROP
  listed: DROP 51 -- * * 0.0.0.0/0 0.0.0.0/0 ah spis:500:600 ah spi:!5

rule ip6: -A INPUT -m ah --ahspi 500 ! --ahlen 40 --ahres -m ah ! --ahspi 1:2
  saved: -A INPUT -m ah --ahspi 500 ! --ahlen 40 --ahres -m ah ! --ahspi 1:2
  listed: 0 -- * * ::/0 ::/0 ah spi:500length:!40 reserved ah spis:!1:2
