coverage: -m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name web

rule: -A INPUT -m hashlimit --hashlimit 3/min --hashlimit-name a --hashlimit-mode srcip,dstport
  saved: -A INPUT -m hashlimit --hashlimit-upto 3/min --hashlimit-burst 5 --hashlimit-mode srcip,dstport --hashlimit-name a
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: up to 3/min burst 5 mode srcip-dstport
  listed ip6: 0 -- * * ::/0 ::/0 limit: up to 3/min burst 5 mode srcip-dstport

rule: -A INPUT -m hashlimit --hashlimit-above 70 --hashlimit-burst 0x10 --hashlimit-name b --hashlimit-srcmask 24 --hashlimit-mode dstip|srcport --hashlimit-htable-expire 77
  saved: -A INPUT -m hashlimit --hashlimit-above 70/sec --hashlimit-burst 16 --hashlimit-mode srcport,dstip --hashlimit-name b --hashlimit-htable-expire 77 --hashlimit-srcmask 24
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: above 70/sec burst 16 mode srcport-dstip htable-expire 77 srcmask 24
  listed ip6: 0 -- * * ::/0 ::/0 limit: above 70/sec burst 16 mode srcport-dstip htable-expire 77 srcmask 24

rule: -A INPUT -m hashlimit ! --hashlimit-upto 512kb/s --hashlimit-name c --hashlimit-dstmask 0
  saved: -A INPUT -m hashlimit --hashlimit-above 512kb/s --hashlimit-name c --hashlimit-dstmask 0
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: above 512kb/s dstmask 0
  listed ip6: 0 -- * * ::/0 ::/0 limit: above 512kb/s dstmask 0

rule: -A INPUT -m hashlimit ! --hashlimit-above 3mb/s --hashlimit-burst 9m --hashlimit-name d
  saved: -A INPUT -m hashlimit --hashlimit-upto 3mb/s --hashlimit-burst 9mb --hashlimit-name d
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: up to 3mb/s burst 9mb
  listed ip6: 0 -- * * ::/0 ::/0 limit: up to 3mb/s burst 9mb

rule: -A INPUT -m hashlimit --hashlimit-upto 100b/s --hashlimit-burst 5k --hashlimit-name e --hashlimit-htable-size 9 --hashlimit-htable-max 99 --hashlimit-htable-gcinterval 5
  saved: -A INPUT -m hashlimit --hashlimit-upto 96b/s --hashlimit-burst 5kb --hashlimit-name e --hashlimit-htable-size 9 --hashlimit-htable-max 99 --hashlimit-htable-gcinterval 5
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: up to 96b/s burst 5kb htable-size 9 htable-max 99 htable-gcinterval 5
  listed ip6: 0 -- * * ::/0 ::/0 limit: up to 96b/s burst 5kb htable-size 9 htable-max 99 htable-gcinterval 5

rule: -A INPUT -m hashlimit --hashlimit-upto 7/h --hashlimit-name f --hashlimit-rate-match
  saved: -A INPUT -m hashlimit --hashlimit-upto 7/sec --hashlimit-burst 5 --hashlimit-name f --hashlimit-htable-expire 3600000 --hashlimit-rate-match --hashlimit-rate-interval 3600
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: up to 168/day burst 5 htable-expire 3600000 rate-match rate-interval 3600
  listed ip6: 0 -- * * ::/0 ::/0 limit: up to 168/day burst 5 htable-expire 3600000 rate-match rate-interval 3600

rule: -A INPUT -m hashlimit --hashlimit-upto 9kb/s --hashlimit-name g --hashlimit-rate-match --hashlimit-rate-interval 12 -m hashlimit --hashlimit 1/s --hashlimit-name h
  saved: -A INPUT -m hashlimit --hashlimit-upto 9kb/s --hashlimit-name g --hashlimit-rate-match --hashlimit-rate-interval 12 -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 5 --hashlimit-name h
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: up to 9kb/s rate-match rate-interval 12 limit: up to 1/sec burst 5
  listed ip6: 0 -- * * ::/0 ::/0 limit: up to 9kb/s rate-match rate-interval 12 limit: up to 1/sec burst 5

refused BPFC0004: -A INPUT -m hashlimit --hashlimit 1/s
  marked: hashlimit
refused BPFC0004: -A INPUT -m hashlimit --hashlimit 0/s --hashlimit-name a
  marked: 0/s
