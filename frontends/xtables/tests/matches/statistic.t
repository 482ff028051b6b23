coverage: -m statistic --mode nth --every 10 --packet 0

rule: -A INPUT -m statistic --mode nth --every 10 --packet 3 -m statistic --mode random ! --probability 0.5
  saved: -A INPUT -m statistic --mode nth --every 10 --packet 3 -m statistic --mode random ! --probability 0.50000000000
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 statistic mode nth every 10 packet 3 statistic mode random ! probability 0.50000000000
  listed ip6: 0 -- * * ::/0 ::/0 statistic mode nth every 10 packet 3 statistic mode random ! probability 0.50000000000

test: -m statistic --mode nth --every 1 --packet 0
  hit: ip udp
  hit: ip6 udp

refused BPFC0004: -A INPUT -m statistic --mode nth
  marked: statistic
refused BPFC0004: -A INPUT -m statistic --mode random --probability 1.5
  marked: 1.5
