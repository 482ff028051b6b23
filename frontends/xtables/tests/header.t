# What rules test without any match: addresses, interfaces, protocols, fragments; and targets
# that are none of an extension.
rule: -A INPUT
  saved: -A INPUT
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0
  listed ip6: 0 -- * * ::/0 ::/0

rule: -A INPUT -s @ -d %/24 -i eth0 -j ACCEPT
  saved ip: -A INPUT -s 192.0.2.9/32 -d 198.51.100.0/24 -i eth0 -j ACCEPT
  saved ip6: -A INPUT -s 2001:db8::9/128 -d fe80::/24 -i eth0 -j ACCEPT
  listed ip: ACCEPT 0 -- eth0 * 192.0.2.9 198.51.100.0/24
  listed ip6: ACCEPT 0 -- eth0 * 2001:db8::9 fe80::/24

rule: -A FORWARD ! -s @/8 ! -d % ! -i eth+ -o wlan0.1 ! -p tcp -j DROP
  saved ip: -A FORWARD ! -s 192.0.0.0/8 ! -d 198.51.100.77/32 ! -i eth+ -o wlan0.1 ! -p tcp -j DROP
  saved ip6: -A FORWARD ! -s 2000::/8 ! -d fe80:0:0:1::77/128 ! -i eth+ -o wlan0.1 ! -p tcp -j DROP
  listed ip: DROP !6 -- !eth+ wlan0.1 !192.0.0.0/8 !198.51.100.77
  listed ip6: DROP !6 -- !eth+ wlan0.1 !2000::/8 !fe80:0:0:1::77

rule: -A FORWARD -i + ! -o lo -p 0 -j RETURN
  saved: -A FORWARD ! -o lo -j RETURN
  listed ip: RETURN 0 -- + !lo 0.0.0.0/0 0.0.0.0/0
  listed ip6: RETURN 0 -- + !lo ::/0 ::/0

rule: -A INPUT -s @,% -d % -j U
  saved ip: -A INPUT -s 192.0.2.9/32 -d 198.51.100.77/32 -j U
  saved ip: -A INPUT -s 198.51.100.77/32 -d 198.51.100.77/32 -j U
  saved ip6: -A INPUT -s 2001:db8::9/128 -d fe80:0:0:1::77/128 -j U
  saved ip6: -A INPUT -s fe80:0:0:1::77/128 -d fe80:0:0:1::77/128 -j U
  listed ip: U 0 -- * * 192.0.2.9 198.51.100.77
  listed ip: U 0 -- * * 198.51.100.77 198.51.100.77
  listed ip6: U 0 -- * * 2001:db8::9 fe80:0:0:1::77
  listed ip6: U 0 -- * * fe80:0:0:1::77 fe80:0:0:1::77

rule: -A U -p gre -j V
  saved: -A U -p gre -j V
  listed ip: V 47 -- * * 0.0.0.0/0 0.0.0.0/0
  listed ip6: V 47 -- * * ::/0 ::/0

rule: -A U -p 250 -c 5 6
  saved: -A U -p 250
  listed ip: 250 -- * * 0.0.0.0/0 0.0.0.0/0
  listed ip6: 250 -- * * ::/0 ::/0

rule ip: -A INPUT -s 10.1 -d 1.2.3.4/255.0.255.0 -f -j DROP
  saved: -A INPUT -s 10.1.0.0/32 -d 1.0.3.0/255.0.255.0 -f -j DROP
  listed: DROP 0 -f * * 10.1.0.0 1.0.3.0/255.0.255.0

rule ip: -A INPUT ! -f ! -s 0/0
  saved: -A INPUT ! -s 0.0.0.0/0 ! -f
  listed: 0 !f * * !0.0.0.0/0 0.0.0.0/0

rule ip6: -A INPUT -s 2001:db8::/ffff:0:ffff:: -d ::ffff:1.2.3.4 -j DROP
  saved: -A INPUT -s 2001::/ffff:0:ffff:: -d ::ffff:1.2.3.4/128 -j DROP
  listed: DROP 0 -- * * 2001::/ffff:0:ffff:: ::ffff:1.2.3.4

rule ip6: -A INPUT ! -s ::/0 ! -d ::1.2.3.4/127
  saved: -A INPUT ! -s ::/0 ! -d ::1.2.3.4/127
  listed: 0 -- * * !::/0 !::1.2.3.4/127

test: -s @
test: ! -s @
test: -d @/24
test: ! -d @/31
test: -i eth0
  hit: in=eth0 ip udp
  miss: in=eth1 ip udp
  miss: in=eth00 ip udp
test: ! -i eth+
  hit: in=wlan0 ip udp
  miss: in=eth0 ip udp
test: -i wlan0
  hit: in=wlan0 ip6 udp
  miss: in=wlan1 ip6 udp
test: -p tcp
  hit: ip tcp
  hit: ip6 tcp
  miss: ip udp
  miss: ip6 udp
test: ! -p tcp
  hit: ip udp
  hit: ip6 icmp6
  miss: ip tcp
  miss: ip6 tcp
test: -p udp
  hit: ip udp
  hit: ip6 udp
  miss: ip tcp
test: -p 0
  hit: ip tcp
  hit: ip6 udp
test: -p sctp
  hit: ip sctp
  hit: ip6 sctp
  miss: ip tcp
test ip: -f
  hit: ip offset 5 udp
  miss: ip udp
  miss: ip mf udp
test ip: ! -f
  hit: ip udp
  hit: ip mf udp
  miss: ip offset 5 udp
test ip: -p tcp ! -f
  hit: ip tcp
  miss: ip offset 5 tcp
  miss: ip udp
test ip: -s 10.0.0.1/255.0.0.1
  hit: ip saddr 10.9.9.3 udp
  miss: ip saddr 10.9.9.2 udp
test ip6: -s 2001:db8::1/ffff::1
  hit: ip6 saddr 2001:77::3 udp
  miss: ip6 saddr 2001:77::2 udp
