coverage: -p tcp -m tcp --dport 80 --syn

rule: -A INPUT -s any/0 -p TCP --dport ssh -g U
  saved: -A INPUT -p tcp -m tcp --dport 22 -g U
  listed ip: U 6 -- * * 0.0.0.0/0 0.0.0.0/0 [goto] tcp dpt:22
  listed ip6: U 6 -- * * ::/0 ::/0 [goto] tcp dpt:22

rule: -A INPUT -p tcp --sport 1024: ! --dport :80 -j ACCEPT
  saved: -A INPUT -p tcp -m tcp --sport 1024:65535 ! --dport 0:80 -j ACCEPT
  listed ip: ACCEPT 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp spts:1024:65535 dpts:!0:80
  listed ip6: ACCEPT 6 -- * * ::/0 ::/0 tcp spts:1024:65535 dpts:!0:80

rule: -A INPUT -p tcp -m tcp ! --sport 0:65535 --dport 0x50 -j ACCEPT
  saved: -A INPUT -p tcp -m tcp ! --sport 0:65535 --dport 80 -j ACCEPT
  listed ip: ACCEPT 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp spts:!0:65535 dpt:80
  listed ip6: ACCEPT 6 -- * * ::/0 ::/0 tcp spts:!0:65535 dpt:80

rule: -A INPUT -p tcp --syn -j DROP
  saved: -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP
  listed ip: DROP 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp flags:0x17/0x02
  listed ip6: DROP 6 -- * * ::/0 ::/0 tcp flags:0x17/0x02

rule: -A INPUT -p tcp ! --syn --tcp-option 8
  saved: -A INPUT -p tcp -m tcp --tcp-option 8 ! --tcp-flags FIN,SYN,RST,ACK SYN
  listed ip: 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp option=8 flags:!0x17/0x02
  listed ip6: 6 -- * * ::/0 ::/0 tcp option=8 flags:!0x17/0x02

rule: -A INPUT -p tcp -m tcp --tcp-flags ALL NONE ! --tcp-option 2 -j DROP
  saved: -A INPUT -p tcp -m tcp ! --tcp-option 2 --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP
  listed ip: DROP 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp option=!2 flags:0x3F/0x00
  listed ip6: DROP 6 -- * * ::/0 ::/0 tcp option=!2 flags:0x3F/0x00

rule: -A INPUT -p tcp --tcp-flags urg,psh,rst syn,ack -j DROP
  saved: -A INPUT -p tcp -m tcp --tcp-flags RST,PSH,URG SYN,ACK -j DROP
  listed ip: DROP 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp flags:0x2C/0x12
  listed ip6: DROP 6 -- * * ::/0 ::/0 tcp flags:0x2C/0x12

test: -p tcp -m tcp --dport 22
  hit: ip tcp dport 22
  hit: ip6 tcp dport 22
  miss: ip tcp dport 23
  miss: ip udp dport 22
  miss: ip tcp sport 22 dport 1
test: -p tcp -m tcp ! --dport 22:443
  hit: ip tcp dport 21
  hit: ip tcp dport 444
  miss: ip tcp dport 22
  miss: ip tcp dport 443
test: -p tcp -m tcp --sport 53 --dport 0:53
  hit: ip tcp sport 53 dport 53
  miss: ip tcp sport 53 dport 54
  miss: ip tcp sport 52 dport 5
test: -p tcp -m tcp --syn
  hit: ip tcp flags syn
  hit: ip tcp flags syn,urg
  miss: ip tcp flags syn,ack
  miss: ip tcp flags ack
test: -p tcp -m tcp ! --syn
  hit: ip tcp flags syn,ack
  miss: ip tcp flags syn
test: -p tcp -m tcp --tcp-flags ALL SYN,ACK
  hit: ip tcp flags syn,ack
  miss: ip tcp flags syn
  miss: ip tcp flags syn,ack,psh
test: -p tcp -m tcp --tcp-option 8
test: -p tcp -m tcp ! --tcp-option 2
  hit: ip tcp flags syn
  miss: ip tcp flags syn mss 1400

refused ip BPFC0004: -A INPUT -p tcp --dport 80:22
  marked: 80:22
refused ip BPFC0002: -A INPUT -p tcp -m tcp --dport
  marked: --dport
refused ip BPFC0004: -A INPUT -m tcp --dport 80
  marked: tcp
refused BPFC0004: -A INPUT -p tcp --tcp-flags SYN NONSENSE
  marked: SYN
refused BPFC0004: -A INPUT -p udp -m tcp --syn
  marked: tcp
