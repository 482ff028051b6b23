coverage: -p tcp -m ecn --ecn-tcp-ece

rule: -A INPUT -p tcp -m ecn --ecn-tcp-cwr ! --ecn-tcp-ece ! --ecn-ip-ect 2
  saved: -A INPUT -p tcp -m ecn ! --ecn-tcp-ece --ecn-tcp-cwr ! --ecn-ip-ect 2
  listed ip: 6 -- * * 0.0.0.0/0 0.0.0.0/0 ECN match !ECE CWR !ECT=2
  listed ip6: 6 -- * * ::/0 ::/0 ECN match !ECE CWR !ECT=2

test: -m ecn --ecn-ip-ect 2
  hit: ip tos 2 udp
  miss: ip tos 1 udp
  miss: ip tos 3 udp
test: -p tcp -m ecn --ecn-tcp-ece ! --ecn-tcp-cwr
  hit: ip tcp flags ack,ece
  miss: ip tcp flags ack,ece,cwr
  miss: ip tcp flags ack
test: -p tcp -m ecn ! --ecn-tcp-ece ! --ecn-ip-ect 0
  hit: ip tos 1 tcp flags ack
  miss: ip tcp flags ack
  miss: ip tos 1 tcp flags ack,ece

refused BPFC0004: -A INPUT -p udp -m ecn --ecn-tcp-cwr
  marked: ecn
refused BPFC0004: -A INPUT -m ecn --ecn-ip-ect 4
  marked: 4
