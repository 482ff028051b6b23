coverage: -p tcp -m multiport --dports 80,443

rule: -A INPUT -p udp -m multiport --dports 53,67:68,ntp -j ACCEPT
  saved: -A INPUT -p udp -m multiport --dports 53,67:68,123 -j ACCEPT
  listed ip: ACCEPT 17 -- * * 0.0.0.0/0 0.0.0.0/0 multiport dports 53,67:68,123
  listed ip6: ACCEPT 17 -- * * ::/0 ::/0 multiport dports 53,67:68,123

rule: -A INPUT -p sctp -m multiport ! --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
  saved: -A INPUT -p sctp -m multiport ! --ports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
  listed ip: 132 -- * * 0.0.0.0/0 0.0.0.0/0 multiport ports !1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
  listed ip6: 132 -- * * ::/0 ::/0 multiport ports !1,2,3,4,5,6,7,8,9,10,11,12,13,14,15

rule: -A INPUT -p udplite -m multiport --source-ports 1:65535
  saved: -A INPUT -p udplite -m multiport --sports 1:65535
  listed ip: 136 -- * * 0.0.0.0/0 0.0.0.0/0 multiport sports 1:65535
  listed ip6: 136 -- * * ::/0 ::/0 multiport sports 1:65535

test: -p udp -m multiport --dports 22,53:443
  hit: ip udp dport 22
  hit: ip udp dport 100
  miss: ip udp dport 23
  miss: ip udp dport 444
  miss: ip tcp dport 22
test: -p tcp -m multiport ! --ports 22,80
  hit: ip tcp sport 1 dport 2
  miss: ip tcp sport 22 dport 2
  miss: ip tcp sport 1 dport 80
test: -p tcp -m multiport --sports 53,40000
  hit: ip tcp sport 40000
  miss: ip tcp sport 40001 dport 53

refused BPFC0004: -A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16
  marked: 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16
refused BPFC0004: -A INPUT -m multiport --dports 1
  marked: multiport
