coverage: -m conntrack --ctstate NEW

rule: -A INPUT -m conntrack ! --ctstate INVALID,SNAT,NEW,DNAT --ctproto udp --ctdir reply
  saved: -A INPUT -m conntrack ! --ctstate INVALID,NEW,SNAT,DNAT --ctproto 17 --ctdir REPLY
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 ! ctstate INVALID,NEW,SNAT,DNAT ctproto 17 ctdir REPLY
  listed ip6: 0 -- * * ::/0 ::/0 ! ctstate INVALID,NEW,SNAT,DNAT ctproto 17 ctdir REPLY

rule: -A INPUT -m conntrack --ctorigsrc @/9 ! --ctorigdst % --ctreplsrc @ ! --ctrepldst %/0
  saved ip: -A INPUT -m conntrack --ctorigsrc 192.0.2.9/9 ! --ctorigdst 198.51.100.77 --ctreplsrc 192.0.2.9 ! --ctrepldst 198.51.100.77/0
  saved ip6: -A INPUT -m conntrack --ctorigsrc 2001:db8::9/9 ! --ctorigdst fe80:0:0:1::77 --ctreplsrc 2001:db8::9 ! --ctrepldst fe80:0:0:1::77/0
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 ctorigsrc 192.0.2.9/9 ! ctorigdst 198.51.100.77 ctreplsrc 192.0.2.9 ! ctrepldst 198.51.100.77/0
  listed ip6: 0 -- * * ::/0 ::/0 ctorigsrc 2001:db8::9/9 ! ctorigdst fe80:0:0:1::77 ctreplsrc 2001:db8::9 ! ctrepldst fe80:0:0:1::77/0

rule: -A INPUT -m conntrack --ctorigsrcport 5 ! --ctorigdstport 5:9 --ctreplsrcport :80 --ctrepldstport 9:5 -j ACCEPT
  saved: -A INPUT -m conntrack --ctorigsrcport 5 ! --ctorigdstport 5:9 --ctreplsrcport 0:80 --ctrepldstport 9:5 -j ACCEPT
  listed ip: ACCEPT 0 -- * * 0.0.0.0/0 0.0.0.0/0 ctorigsrcport 5 ! ctorigdstport 5:9 ctreplsrcport 0:80 ctrepldstport 9:5
  listed ip6: ACCEPT 0 -- * * ::/0 ::/0 ctorigsrcport 5 ! ctorigdstport 5:9 ctreplsrcport 0:80 ctrepldstport 9:5

rule: -A INPUT -m conntrack --ctstatus NONE -m conntrack ! --ctstatus ASSURED,CONF,EXPECTED
  saved: -A INPUT -m conntrack --ctstatus NONE -m conntrack ! --ctstatus EXPECTED,ASSURED,CONFIRMED
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 ctstatus NONE ! ctstatus EXPECTED,ASSURED,CONFIRMED
  listed ip6: 0 -- * * ::/0 ::/0 ctstatus NONE ! ctstatus EXPECTED,ASSURED,CONFIRMED

test: -m conntrack --ctstate RELATED,UNTRACKED
  hit: ct=related ip tcp
  hit: ct=untracked ip tcp
  miss: ct=new ip tcp
  miss: ct=invalid ip tcp
test: -m conntrack --ctstate SNAT
test: -m conntrack ! --ctstate DNAT,NEW
  hit: ct=established ip tcp
  miss: ct=new ip tcp
# Without a connection the state alone decides.
test: -m conntrack --ctstate INVALID --ctproto tcp
  hit: ct=invalid ip tcp
  hit: ct=invalid ip udp
  miss: ct=new ip tcp
test: -m conntrack ! --ctstate INVALID --ctdir REPLY
  hit: ct=established ctdir=reply ip tcp
  miss: ct=established ctdir=original ip tcp
  miss: ct=invalid ip tcp
test: -m conntrack --ctproto 6 --ctstatus SEEN_REPLY
test: -m conntrack ! --ctproto 6
  hit: ct=new ip udp
  miss: ct=new ip tcp
test: -m conntrack --ctstatus NONE
test: -m conntrack ! --ctstatus ASSURED,EXPECTED
test: -m conntrack --ctorigsrc @ ! --ctrepldst @
test: -m conntrack --ctorigdstport 53:443 ! --ctreplsrcport 22
test: -m conntrack --ctdir ORIGINAL
  hit: ct=established ctdir=original ip tcp
  miss: ct=established ctdir=reply ip tcp

refused ip BPFC0007: -A INPUT -m conntrack --ctexpire 5
  marked: 5
  taken: programs do not see when entries expire
refused BPFC0004: -A INPUT -m conntrack --ctstate OLD
  marked: OLD
