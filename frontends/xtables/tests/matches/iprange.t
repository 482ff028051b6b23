coverage: -m iprange --src-range 10.0.0.1-10.0.0.9
coverage ip6: -m iprange --src-range 2001:db8::1-2001:db8::9

rule ip: -A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 10
  saved: -A INPUT -m iprange --src-range 10.0.0.1-10.0.0.9 ! --dst-range 10.0.0.0-10.0.0.0
  listed: 0 -- * * 0.0.0.0/0 0.0.0.0/0 source IP range 10.0.0.1-10.0.0.9 destination IP range ! 10.0.0.0-10.0.0.0

rule ip6: -A INPUT -m iprange ! --src-range ::1-::9 --dst-range 2001:db8::1
  saved: -A INPUT -m iprange ! --src-range ::1-::9 --dst-range 2001:db8::1-2001:db8::1
  listed: 0 -- * * ::/0 ::/0 source IP range ! ::1-::9 destination IP range 2001:db8::1-2001:db8::1

test ip: -m iprange --src-range 10.0.0.1-10.0.0.2
  hit: ip saddr 10.0.0.1 udp
  hit: ip saddr 10.0.0.2 udp
  miss: ip saddr 10.0.0.0 udp
  miss: ip saddr 10.0.0.3 udp
test ip: -m iprange ! --src-range 10.0.0.1 --dst-range 10.0.0.0-10.0.0.3
  hit: ip saddr 10.0.0.2 daddr 10.0.0.3 udp
  miss: ip saddr 10.0.0.1 daddr 10.0.0.3 udp
  miss: ip saddr 10.0.0.2 daddr 10.0.0.4 udp
test ip6: -m iprange --src-range 2001:db8::1-2001:db8::2
  hit: ip6 saddr 2001:db8::2 udp
  miss: ip6 saddr 2001:db8::3 udp
test ip6: -m iprange ! --dst-range 2001:db8::2
  hit: ip6 daddr 2001:db8::1 udp
  miss: ip6 daddr 2001:db8::2 udp

refused ip BPFC0004: -A INPUT -m iprange --src-range 10.0.0.1-x
  marked: 10.0.0.1-x
