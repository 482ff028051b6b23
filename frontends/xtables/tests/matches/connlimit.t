coverage: -p tcp --syn -m connlimit --connlimit-above 20

rule: -A INPUT -p tcp --syn -m connlimit --connlimit-above 2 -m connlimit ! --connlimit-upto 3
  saved ip: -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 2 --connlimit-mask 32 --connlimit-saddr -m connlimit --connlimit-above 3 --connlimit-mask 32 --connlimit-saddr
  saved ip6: -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -m connlimit --connlimit-above 2 --connlimit-mask 128 --connlimit-saddr -m connlimit --connlimit-above 3 --connlimit-mask 128 --connlimit-saddr
  listed ip: 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp flags:0x17/0x02 #conn src/32 > 2 #conn src/32 > 3
  listed ip6: 6 -- * * ::/0 ::/0 tcp flags:0x17/0x02 #conn src/128 > 2 #conn src/128 > 3

rule: -A INPUT -m connlimit --connlimit-upto 0x10 --connlimit-mask 24 --connlimit-daddr -j DROP
  saved: -A INPUT -m connlimit --connlimit-upto 16 --connlimit-mask 24 --connlimit-daddr -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 #conn dst/24 <= 16
  listed ip6: DROP 0 -- * * ::/0 ::/0 #conn dst/24 <= 16

rule: -A INPUT -m connlimit ! --connlimit-above 0 --connlimit-mask 0 --connlimit-saddr
  saved: -A INPUT -m connlimit --connlimit-upto 0 --connlimit-mask 0 --connlimit-saddr
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 #conn src/0 <= 0
  listed ip6: 0 -- * * ::/0 ::/0 #conn src/0 <= 0

refused BPFC0004: -A INPUT -m connlimit --connlimit-above 2 --connlimit-upto 3
  marked: --connlimit-upto 3
