coverage: -m connbytes --connbytes 1000: --connbytes-mode bytes --connbytes-dir both

rule: -A FORWARD -m connbytes --connbytes 5:9 --connbytes-dir both --connbytes-mode packets
  saved: -A FORWARD -m connbytes --connbytes 5:9 --connbytes-mode packets --connbytes-dir both
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 connbytes 5:9 connbytes mode packets connbytes direction both
  listed ip6: 0 -- * * ::/0 ::/0 connbytes 5:9 connbytes mode packets connbytes direction both

rule: -A FORWARD -m connbytes ! --connbytes 5: --connbytes-dir reply --connbytes-mode bytes -j DROP
  saved: -A FORWARD -m connbytes ! --connbytes 5 --connbytes-mode bytes --connbytes-dir reply -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 ! connbytes 5 connbytes mode bytes connbytes direction reply
  listed ip6: DROP 0 -- * * ::/0 ::/0 ! connbytes 5 connbytes mode bytes connbytes direction reply

rule: -A INPUT -m connbytes --connbytes :9 --connbytes-mode avgpkt --connbytes-dir original
  saved: -A INPUT -m connbytes --connbytes 0:9 --connbytes-mode avgpkt --connbytes-dir original
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 connbytes 0:9 connbytes mode avgpkt connbytes direction original
  listed ip6: 0 -- * * ::/0 ::/0 connbytes 0:9 connbytes mode avgpkt connbytes direction original

rule: -A INPUT -m connbytes ! --connbytes 5:9 --connbytes-mode bytes --connbytes-dir both
  saved: -A INPUT -m connbytes ! --connbytes 5:9 --connbytes-mode bytes --connbytes-dir both
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 ! connbytes 5:9 connbytes mode bytes connbytes direction both
  listed ip6: 0 -- * * ::/0 ::/0 ! connbytes 5:9 connbytes mode bytes connbytes direction both

rule: -A INPUT -m connbytes --connbytes 7 --connbytes-mode packets --connbytes-dir original
  saved: -A INPUT -m connbytes --connbytes 7 --connbytes-mode packets --connbytes-dir original
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 connbytes 7 connbytes mode packets connbytes direction original
  listed ip6: 0 -- * * ::/0 ::/0 connbytes 7 connbytes mode packets connbytes direction original

refused BPFC0004: -A INPUT -m connbytes --connbytes 5 --connbytes-mode bits --connbytes-dir both
  marked: bits
refused BPFC0004: -A INPUT -m connbytes --connbytes 9:5 --connbytes-mode bytes --connbytes-dir both
  marked: 9:5
