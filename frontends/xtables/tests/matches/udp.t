coverage: -p udp -m udp --dport 53

rule: -A INPUT -p udp --dport domain -j ACCEPT
  saved: -A INPUT -p udp -m udp --dport 53 -j ACCEPT
  listed ip: ACCEPT 17 -- * * 0.0.0.0/0 0.0.0.0/0 udp dpt:53
  listed ip6: ACCEPT 17 -- * * ::/0 ::/0 udp dpt:53

rule: -A INPUT -p udp -m udp ! --sport 30:20 --dport :http
  saved: -A INPUT -p udp -m udp ! --sport 30:20 --dport 0:80
  listed ip: 17 -- * * 0.0.0.0/0 0.0.0.0/0 udp spts:!30:20 dpts:0:80
  listed ip6: 17 -- * * ::/0 ::/0 udp spts:!30:20 dpts:0:80

test: -p udp -m udp --dport 53
  hit: ip udp dport 53
  hit: ip6 udp dport 53
  miss: ip udp dport 54
  miss: ip tcp dport 53
test: -p udp -m udp ! --sport 443:22
  hit: ip udp sport 22

refused BPFC0004: -A INPUT -p udp --dport 70000
  marked: 70000
  taken: iptables keeps the low 16 bits of the number
refused BPFC0004: -A INPUT -p tcp -m udp --dport 7
  marked: udp
