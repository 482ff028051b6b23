coverage: -m statistic --mode nth --every 10 --packet 0

rule: -A INPUT -m statistic --mode nth --every 10 --packet 3 -m statistic --mode random ! --probability 0.5
  saved: -A INPUT -m statistic --mode nth --every 10 --packet 3 -m statistic --mode random ! --probability 0.50000000000
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 statistic mode nth every 10 packet 3 statistic mode random ! probability 0.50000000000
  listed ip6: 0 -- * * ::/0 ::/0 statistic mode nth every 10 packet 3 statistic mode random ! probability 0.50000000000
