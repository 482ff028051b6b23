coverage: -j MARK --set-mark 1

rule: -A INPUT -j MARK --set-mark 0x10/0xf0
  saved: -A INPUT -j MARK --set-xmark 0x10/0xf0
  listed ip: MARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 MARK xset 0x10/0xf0
  listed ip6: MARK 0 -- * * ::/0 ::/0 MARK xset 0x10/0xf0

rule: -A INPUT -j MARK --set-xmark 1
  saved: -A INPUT -j MARK --set-xmark 0x1/0xffffffff
  listed ip: MARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 MARK set 0x1
  listed ip6: MARK 0 -- * * ::/0 ::/0 MARK set 0x1

rule: -A OUTPUT -m mark --mark 0 -j MARK --and-mark 0xf
  saved: -A OUTPUT -m mark --mark 0x0 -j MARK --set-xmark 0x0/0xfffffff0
  listed ip: MARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 mark match 0x0 MARK and 0xf
  listed ip6: MARK 0 -- * * ::/0 ::/0 mark match 0x0 MARK and 0xf

rule: -A OUTPUT -j MARK --or-mark 3
  saved: -A OUTPUT -j MARK --set-xmark 0x3/0x3
  listed ip: MARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 MARK or 0x3
  listed ip6: MARK 0 -- * * ::/0 ::/0 MARK or 0x3

rule: -A OUTPUT -j MARK --xor-mark 0x3
  saved: -A OUTPUT -j MARK --set-xmark 0x3/0x0
  listed ip: MARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 MARK xor 0x3
  listed ip6: MARK 0 -- * * ::/0 ::/0 MARK xor 0x3

refused BPFC0004: -A INPUT -j MARK
  marked: MARK
refused BPFC0004: -A INPUT -j MARK --set-mark x
  marked: x
