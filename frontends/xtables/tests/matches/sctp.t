coverage: -p sctp -m sctp --dport 80

rule: -A INPUT -p sctp -m sctp --sport 5:9 ! --dport 80 -j DROP
  saved: -A INPUT -p sctp -m sctp --sport 5:9 ! --dport 80 -j DROP
  listed ip: DROP 132 -- * * 0.0.0.0/0 0.0.0.0/0 sctp spts:5:9 dpt:!80
  listed ip6: DROP 132 -- * * ::/0 ::/0 sctp spts:5:9 dpt:!80

rule: -A INPUT -p sctp -m sctp --chunk-types any INIT,DATA:Be -m sctp ! --chunk-types all ABORT
  saved: -A INPUT -p sctp -m sctp --chunk-types any DATA:Be,INIT -m sctp ! --chunk-types all ABORT
  listed ip: 132 -- * * 0.0.0.0/0 0.0.0.0/0 sctp any 0x0000:Be,0x0001 sctp ! all 0x0006
  listed ip6: 132 -- * * ::/0 ::/0 sctp any 0x0000:Be,0x0001 sctp ! all 0x0006

test: -p sctp -m sctp --dport 80
  hit: ip sctp dport 80
  miss: ip sctp dport 81
  miss: ip udp dport 80

refused BPFC0004: -A INPUT -p sctp -m sctp --chunk-types some INIT
  marked: some
