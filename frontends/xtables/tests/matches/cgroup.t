coverage: -m cgroup --cgroup 5

rule: -A OUTPUT -m cgroup --path "/" -m cgroup ! --path "/"
  saved: -A OUTPUT -m cgroup --path "/" -m cgroup ! --path "/"
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 cgroup / cgroup ! /
  listed ip6: 0 -- * * ::/0 ::/0 cgroup / cgroup ! /

rule: -A OUTPUT -m cgroup --cgroup 5 -m cgroup ! --cgroup 0x10001
  saved: -A OUTPUT -m cgroup --cgroup 5 -m cgroup ! --cgroup 65537
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 cgroup 5 cgroup ! 65537
  listed ip6: 0 -- * * ::/0 ::/0 cgroup 5 cgroup ! 65537

refused BPFC0004: -A INPUT -m cgroup
  marked: cgroup
