coverage: -m connmark --mark 1

rule: -A INPUT -m connmark --mark 1/1 -m connmark ! --mark 4294967295
  saved: -A INPUT -m connmark --mark 0x1/0x1 -m connmark ! --mark 0xffffffff
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 connmark match 0x1/0x1 connmark match ! 0xffffffff
  listed ip6: 0 -- * * ::/0 ::/0 connmark match 0x1/0x1 connmark match ! 0xffffffff

test: -m connmark --mark 1
  hit: ct=new ctmark=1 ip tcp
  miss: ct=new ctmark=2 ip tcp
test: -m connmark ! --mark 1
  hit: ct=new ctmark=2 ip tcp
  miss: ct=new ctmark=1 ip tcp

refused BPFC0004: -A INPUT -m connmark --mark 0x1ffffffff
  marked: 0x1ffffffff
