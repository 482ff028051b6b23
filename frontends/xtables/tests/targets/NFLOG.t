coverage: -j NFLOG --nflog-group 1 --nflog-prefix web

rule: -A INPUT -j NFLOG
  saved: -A INPUT -j NFLOG
  listed ip: NFLOG 0 -- * * 0.0.0.0/0 0.0.0.0/0
  listed ip6: NFLOG 0 -- * * ::/0 ::/0

rule: -A INPUT -j NFLOG --nflog-group 65535 --nflog-size 0 --nflog-threshold 0
  saved: -A INPUT -j NFLOG --nflog-group 65535 --nflog-size 0
  listed ip: NFLOG 0 -- * * 0.0.0.0/0 0.0.0.0/0 nflog-group 65535 nflog-size 0
  listed ip6: NFLOG 0 -- * * ::/0 ::/0 nflog-group 65535 nflog-size 0

rule: -A INPUT -j NFLOG --nflog-threshold 7 --nflog-range 30 --nflog-prefix "a b" --nflog-group 3
  saved: -A INPUT -j NFLOG --nflog-prefix "a b" --nflog-group 3 --nflog-range 30 --nflog-threshold 7
  listed ip: NFLOG 0 -- * * 0.0.0.0/0 0.0.0.0/0 nflog-prefix "a b" nflog-group 3 nflog-range 30 nflog-threshold 7
  listed ip6: NFLOG 0 -- * * ::/0 ::/0 nflog-prefix "a b" nflog-group 3 nflog-range 30 nflog-threshold 7

rule: -A INPUT -j NFLOG --nflog-size 31 --nflog-prefix 1234567890123456789012345678901234567890123456789012345678901234567890
  saved: -A INPUT -j NFLOG --nflog-prefix 123456789012345678901234567890123456789012345678901234567890123 --nflog-size 31
  listed ip: NFLOG 0 -- * * 0.0.0.0/0 0.0.0.0/0 nflog-prefix 123456789012345678901234567890123456789012345678901234567890123 nflog-size 31
  listed ip6: NFLOG 0 -- * * ::/0 ::/0 nflog-prefix 123456789012345678901234567890123456789012345678901234567890123 nflog-size 31

refused BPFC0004: -A INPUT -j NFLOG --nflog-group 70000
  marked: 70000
refused BPFC0004: -A INPUT -j NFLOG --nflog-range 5 --nflog-size 5
  marked: --nflog-size 5
