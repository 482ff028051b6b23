coverage: -m mac --mac-source 02:00:00:00:00:01

rule: -A INPUT -m mac --mac-source 0:1b:C:00:0a:ff
  saved: -A INPUT -m mac --mac-source 00:1b:0c:00:0a:ff
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 MAC 00:1b:0c:00:0a:ff
  listed ip6: 0 -- * * ::/0 ::/0 MAC 00:1b:0c:00:0a:ff

rule: -A FORWARD -m mac ! --mac-source 00:11:22:33:44:55 -j DROP
  saved: -A FORWARD -m mac ! --mac-source 00:11:22:33:44:55 -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 MAC ! 00:11:22:33:44:55
  listed ip6: DROP 0 -- * * ::/0 ::/0 MAC ! 00:11:22:33:44:55

test: -m mac --mac-source 02:00:00:00:00:01
  hit: ether saddr 02:00:00:00:00:01 ip udp
  miss: ether saddr 02:00:00:00:00:02 ip udp
test: -m mac ! --mac-source 02:00:00:00:00:01
  hit: ether saddr 02:00:00:00:00:02 ip udp
  miss: ether saddr 02:00:00:00:00:01 ip udp

refused BPFC0004: -A INPUT -m mac --mac-source 00:11:22:33:44
  marked: 00:11:22:33:44
