coverage: -m state --state NEW

rule: -A INPUT -m state --state NEW,EST -m state ! --state INVALID,untracked,RELATED
  saved: -A INPUT -m state --state NEW,ESTABLISHED -m state ! --state INVALID,RELATED,UNTRACKED
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 state NEW,ESTABLISHED ! state INVALID,RELATED,UNTRACKED
  listed ip6: 0 -- * * ::/0 ::/0 state NEW,ESTABLISHED ! state INVALID,RELATED,UNTRACKED

test: -m state --state NEW
  hit: ct=new ip tcp
  miss: ct=established ip tcp
  miss: ct=invalid ip tcp
test: -m state ! --state ESTABLISHED,INVALID
  hit: ct=new ip tcp
  hit: ct=related ip tcp
  miss: ct=established ip tcp
  miss: ct=invalid ip tcp

refused BPFC0004: -A INPUT -m state --state OLD
  marked: OLD
