coverage: -j CLASSIFY --set-class 1:10

rule mangle: -A POSTROUTING -j CLASSIFY --set-class 1:fFff
  saved: -A POSTROUTING -j CLASSIFY --set-class 0001:ffff
  listed ip: CLASSIFY 0 -- * * 0.0.0.0/0 0.0.0.0/0 CLASSIFY set 1:ffff
  listed ip6: CLASSIFY 0 -- * * ::/0 ::/0 CLASSIFY set 1:ffff

rule mangle: -A FORWARD -j CLASSIFY --set-class 0x12345:-1junk
  saved: -A FORWARD -j CLASSIFY --set-class 2345:ffff
  listed ip: CLASSIFY 0 -- * * 0.0.0.0/0 0.0.0.0/0 CLASSIFY set 2345:ffff
  listed ip6: CLASSIFY 0 -- * * ::/0 ::/0 CLASSIFY set 2345:ffff

rule mangle: -A OUTPUT -j CLASSIFY --set-class 0:1abcde
  saved: -A OUTPUT -j CLASSIFY --set-class 0000:bcde
  listed ip: CLASSIFY 0 -- * * 0.0.0.0/0 0.0.0.0/0 CLASSIFY set 0:bcde
  listed ip6: CLASSIFY 0 -- * * ::/0 ::/0 CLASSIFY set 0:bcde

