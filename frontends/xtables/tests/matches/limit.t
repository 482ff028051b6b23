coverage: -m limit --limit 3/min

rule: -A INPUT -m limit -m limit --limit 3/s -m limit --limit 100/minute --limit-burst 7
  saved: -A INPUT -m limit --limit 3/hour -m limit --limit 3/sec -m limit --limit 100/min --limit-burst 7
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: avg 3/hour burst 5 limit: avg 3/sec burst 5 limit: avg 100/min burst 7
  listed ip6: 0 -- * * ::/0 ::/0 limit: avg 3/hour burst 5 limit: avg 3/sec burst 5 limit: avg 100/min burst 7

rule: -A INPUT -m limit --limit 10000 -m limit --limit 1/h -m limit --limit 7000/min
  saved: -A INPUT -m limit --limit 10000/sec -m limit --limit 1/hour -m limit --limit 117/sec
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 limit: avg 10000/sec burst 5 limit: avg 1/hour burst 5 limit: avg 117/sec burst 5
  listed ip6: 0 -- * * ::/0 ::/0 limit: avg 10000/sec burst 5 limit: avg 1/hour burst 5 limit: avg 117/sec burst 5

refused BPFC0004: -A INPUT -m limit --limit 0/s
  marked: 0/s
refused BPFC0004: -A INPUT -m limit --limit 1/y
  marked: 1/y
