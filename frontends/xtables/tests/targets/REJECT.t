coverage filter: -j REJECT

rule: -A INPUT -j REJECT
  saved ip: -A INPUT -j REJECT --reject-with icmp-port-unreachable
  saved ip6: -A INPUT -j REJECT --reject-with icmp6-port-unreachable
  listed ip: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-port-unreachable
  listed ip6: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-port-unreachable

rule: -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
  saved: -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
  listed ip: REJECT 6 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with tcp-reset
  listed ip6: REJECT 6 -- * * ::/0 ::/0 reject-with tcp-reset

rule: -A OUTPUT -p 6 -j REJECT --reject-with TCP-R
  saved: -A OUTPUT -p tcp -j REJECT --reject-with tcp-reset
  listed ip: REJECT 6 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with tcp-reset
  listed ip6: REJECT 6 -- * * ::/0 ::/0 reject-with tcp-reset

rule: -A U -j REJECT --reject-with PORT
  saved ip: -A U -j REJECT --reject-with icmp-port-unreachable
  saved ip6: -A U -j REJECT --reject-with icmp6-port-unreachable
  listed ip: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-port-unreachable
  listed ip6: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-port-unreachable

rule ip: -A INPUT -j REJECT --reject-with icmp-net-unreachable
  saved: -A INPUT -j REJECT --reject-with icmp-net-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-net-unreachable

rule ip: -A INPUT -j REJECT --reject-with icmp-host-unreachable
  saved: -A INPUT -j REJECT --reject-with icmp-host-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-host-unreachable

rule ip: -A INPUT -j REJECT --reject-with icmp-proto-unreachable
  saved: -A INPUT -j REJECT --reject-with icmp-proto-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-proto-unreachable

rule ip: -A INPUT -j REJECT --reject-with icmp-port-unreachable
  saved: -A INPUT -j REJECT --reject-with icmp-port-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-port-unreachable

rule ip: -A INPUT -j REJECT --reject-with icmp-net-prohibited
  saved: -A INPUT -j REJECT --reject-with icmp-net-prohibited
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-net-prohibited

rule ip: -A INPUT -j REJECT --reject-with icmp-host-prohibited
  saved: -A INPUT -j REJECT --reject-with icmp-host-prohibited
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-host-prohibited

rule ip: -A INPUT -j REJECT --reject-with icmp-admin-prohibited
  saved: -A INPUT -j REJECT --reject-with icmp-admin-prohibited
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-admin-prohibited

rule ip: -A INPUT -j REJECT --reject-with net-unreach
  saved: -A INPUT -j REJECT --reject-with icmp-net-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-net-unreachable

rule ip: -A INPUT -j REJECT --reject-with host-unreach
  saved: -A INPUT -j REJECT --reject-with icmp-host-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-host-unreachable

rule ip: -A INPUT -j REJECT --reject-with proto-unreach
  saved: -A INPUT -j REJECT --reject-with icmp-proto-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-proto-unreachable

rule ip: -A INPUT -j REJECT --reject-with port-unreach
  saved: -A INPUT -j REJECT --reject-with icmp-port-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-port-unreachable

rule ip: -A INPUT -j REJECT --reject-with net-prohib
  saved: -A INPUT -j REJECT --reject-with icmp-net-prohibited
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-net-prohibited

rule ip: -A INPUT -j REJECT --reject-with host-prohib
  saved: -A INPUT -j REJECT --reject-with icmp-host-prohibited
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-host-prohibited

rule ip: -A INPUT -j REJECT --reject-with Admin-P
  saved: -A INPUT -j REJECT --reject-with icmp-admin-prohibited
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-admin-prohibited

rule ip: -A INPUT -p tcp -j REJECT --reject-with tcp-rst
  saved: -A INPUT -p tcp -j REJECT --reject-with tcp-reset
  listed: REJECT 6 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with tcp-reset

rule ip: -A INPUT -j REJECT --reject-with icmp-
  saved: -A INPUT -j REJECT --reject-with icmp-net-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-net-unreachable

rule ip: -A INPUT -j REJECT --reject-with host
  saved: -A INPUT -j REJECT --reject-with icmp-host-unreachable
  listed: REJECT 0 -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-host-unreachable

rule ip6: -A INPUT -j REJECT --reject-with icmp6-no-route
  saved: -A INPUT -j REJECT --reject-with icmp6-no-route
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-no-route

rule ip6: -A INPUT -j REJECT --reject-with icmp6-adm-prohibited
  saved: -A INPUT -j REJECT --reject-with icmp6-adm-prohibited
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-adm-prohibited

rule ip6: -A INPUT -j REJECT --reject-with icmp6-addr-unreachable
  saved: -A INPUT -j REJECT --reject-with icmp6-addr-unreachable
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-addr-unreachable

rule ip6: -A INPUT -j REJECT --reject-with icmp6-port-unreachable
  saved: -A INPUT -j REJECT --reject-with icmp6-port-unreachable
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-port-unreachable

rule ip6: -A INPUT -j REJECT --reject-with icmp6-policy-fail
  saved: -A INPUT -j REJECT --reject-with icmp6-policy-fail
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-policy-fail

rule ip6: -A INPUT -j REJECT --reject-with icmp6-reject-route
  saved: -A INPUT -j REJECT --reject-with icmp6-reject-route
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-reject-route

rule ip6: -A INPUT -j REJECT --reject-with no-route
  saved: -A INPUT -j REJECT --reject-with icmp6-no-route
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-no-route

rule ip6: -A INPUT -j REJECT --reject-with ADM
  saved: -A INPUT -j REJECT --reject-with icmp6-adm-prohibited
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-adm-prohibited

rule ip6: -A INPUT -j REJECT --reject-with addr-unreach
  saved: -A INPUT -j REJECT --reject-with icmp6-addr-unreachable
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-addr-unreachable

rule ip6: -A INPUT -j REJECT --reject-with policy
  saved: -A INPUT -j REJECT --reject-with icmp6-policy-fail
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-policy-fail

rule ip6: -A INPUT -j REJECT --reject-with reject-route
  saved: -A INPUT -j REJECT --reject-with icmp6-reject-route
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-reject-route

rule ip6: -A INPUT -j REJECT --reject-with icmp6
  saved: -A INPUT -j REJECT --reject-with icmp6-no-route
  listed: REJECT 0 -- * * ::/0 ::/0 reject-with icmp6-no-route

refused BPFC0004: -A INPUT -j REJECT --reject-with nosuch
  marked: nosuch
refused BPFC0004: -A INPUT -p udp -j REJECT --reject-with tcp-reset
  marked: tcp-reset
