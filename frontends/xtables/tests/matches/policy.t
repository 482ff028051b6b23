coverage form --dir in: -m policy --dir in --pol ipsec --proto esp
coverage form --dir out: -m policy --dir out --pol ipsec --proto esp

rule: -A INPUT -m policy --dir in --pol none -m policy --dir in --pol ipsec -m policy --dir in
  saved: -A INPUT -m policy --dir in --pol none -m policy --dir in --pol ipsec -m policy --dir in --pol ipsec
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 policy match dir in pol none policy match dir in pol ipsec policy match dir in pol ipsec
  listed ip6: 0 -- * * ::/0 ::/0 policy match dir in pol none policy match dir in pol ipsec policy match dir in pol ipsec

rule: -A FORWARD -m policy --dir out --pol ipsec ! --proto esp --spi 7 ! --reqid 0x10 --mode transport
  saved: -A FORWARD -m policy --dir out --pol ipsec ! --reqid 16 --spi 0x7 ! --proto esp --mode transport
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 policy match dir out pol ipsec ! reqid 16 spi 0x7 ! proto 50 mode transport
  listed ip6: 0 -- * * ::/0 ::/0 policy match dir out pol ipsec ! reqid 16 spi 0x7 ! proto 50 mode transport

rule: -A OUTPUT -m policy --pol ipsec --dir out --mode tunnel ! --tunnel-src @/24 --tunnel-dst %
  saved ip: -A OUTPUT -m policy --dir out --pol ipsec --mode tunnel --tunnel-dst 198.51.100.77 ! --tunnel-src 192.0.2.9/24
  saved ip6: -A OUTPUT -m policy --dir out --pol ipsec --mode tunnel --tunnel-dst fe80:0:0:1::77 ! --tunnel-src 2001:db8::9/24
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 policy match dir out pol ipsec mode tunnel tunnel-dst 198.51.100.77 ! tunnel-src 192.0.2.9/24
  listed ip6: 0 -- * * ::/0 ::/0 policy match dir out pol ipsec mode tunnel tunnel-dst fe80:0:0:1::77 ! tunnel-src 2001:db8::9/24

rule: -A INPUT -m policy --dir in --strict --reqid 1 --next ! --mode transport --tunnel-dst @/0 --next --proto 51 --spi 0xffffffff --next --proto ipcomp -j DROP
  saved ip: -A INPUT -m policy --dir in --pol ipsec --strict --reqid 1 --next ! --mode transport --tunnel-dst 192.0.2.9/0 --next --spi 0xffffffff --proto ah --next --proto ipcomp -j DROP
  saved ip6: -A INPUT -m policy --dir in --pol ipsec --strict --reqid 1 --next ! --mode transport --tunnel-dst 2001:db8::9/0 --next --spi 0xffffffff --proto ah --next --proto ipcomp -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 policy match dir in pol ipsec strict [0] reqid 1 [1] ! mode transport tunnel-dst 192.0.2.9/0 [2] spi 0xffffffff proto 51 [3] proto 108
  listed ip6: DROP 0 -- * * ::/0 ::/0 policy match dir in pol ipsec strict [0] reqid 1 [1] ! mode transport tunnel-dst 2001:db8::9/0 [2] spi 0xffffffff proto 51 [3] proto 108

test: -m policy --dir in --pol none
  hit: ip udp
test: -m policy --dir in --pol ipsec
  miss: ip udp
test: -m policy --dir in --pol ipsec --proto esp ! --reqid 1
test: -m policy --dir in --mode tunnel --tunnel-src @/25 ! --tunnel-dst @
test: -m policy --dir in --strict --proto esp --spi 0x1000000 --next ! --mode tunnel
test: -m policy --dir in --strict --mode tunnel --next --reqid 1 ! --proto ah
test: -m policy --dir in --strict --mode tunnel ! --tunnel-src @

refused ip BPFC0004: -A INPUT -m policy --pol ipsec
  marked: policy
refused ip BPFC0004: -A INPUT -m policy --dir up
  marked: up
refused ip BPFC0004: -A INPUT -m policy --dir in --pol some
  marked: some
refused ip BPFC0004: -A INPUT -m policy --dir in --pol none --strict --reqid 1
  marked: policy
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --strict
  marked: policy
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --strict --reqid 1 --next
  marked: policy
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --reqid 1 --next --reqid 2
  marked: --next
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --reqid 1 --reqid 2
  marked: 2
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --proto tcp
  marked: tcp
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --proto ESP
  marked: ESP
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --mode beet
  marked: beet
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --tunnel-src 10.0.0.1
  marked: policy
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec --mode tunnel --tunnel-src 10.0.0.0/255.0.255.0
  marked: 10.0.0.0/255.0.255.0
  taken: iptables does not look whether a mask is a prefix
refused ip BPFC0004: -A INPUT -m policy --dir in --pol ipsec ! --mode tunnel --tunnel-dst 10.0.0.1
  marked: policy
refused ip BPFC0004: -A INPUT -m policy --dir in --strict --spi 1 --next --spi 1 --next --spi 1 --next --spi 1 --next --spi 1
  marked: --next
refused BPFC0004: -A INPUT -m policy --dir in --pol ipsec --spi x
  marked: x
