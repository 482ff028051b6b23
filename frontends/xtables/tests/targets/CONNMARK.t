coverage form --restore-mark: -j CONNMARK --restore-mark
coverage form --set-mark: -p tcp -j CONNMARK --set-mark 1

rule mangle: -A PREROUTING -j CONNMARK --set-mark 5/7 --left-shift-mark 3
  saved: -A PREROUTING -j CONNMARK --set-xmark 0x5/0x7 --left-shift-mark 3
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK xset 0x5/0x7 left-shift-mark 3
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK xset 0x5/0x7 left-shift-mark 3

rule mangle: -A PREROUTING -j CONNMARK --set-xmark 5
  saved: -A PREROUTING -j CONNMARK --set-xmark 0x5/0xffffffff
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK set 0x5
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK set 0x5

rule mangle: -A PREROUTING -j CONNMARK --and-mark 0xf
  saved: -A PREROUTING -j CONNMARK --set-xmark 0x0/0xfffffff0
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK and 0xf
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK and 0xf

rule mangle: -A PREROUTING -j CONNMARK --or-mark 0xf
  saved: -A PREROUTING -j CONNMARK --set-xmark 0xf/0xf
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK or 0xf
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK or 0xf

rule mangle: -A PREROUTING -j CONNMARK --xor-mark 0xf
  saved: -A PREROUTING -j CONNMARK --set-xmark 0xf/0x0
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK xor 0xf
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK xor 0xf

rule mangle: -A PREROUTING -j CONNMARK --save-mark
  saved: -A PREROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK save
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK save

rule mangle: -A PREROUTING -j CONNMARK --save-mark --mask 0xff --right-shift-mark 31
  saved: -A PREROUTING -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff --right-shift-mark 31
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK save mask 0xff right-shift-mark 31
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK save mask 0xff right-shift-mark 31

rule mangle: -A PREROUTING -j CONNMARK --save-mark --nfmask 0 --ctmask 5
  saved: -A PREROUTING -j CONNMARK --save-mark --nfmask 0x0 --ctmask 0x5
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK save nfmask 0x0 ctmask ~0x5
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK save nfmask 0x0 ctmask ~0x5

rule mangle: -A POSTROUTING -j CONNMARK --restore-mark
  saved: -A POSTROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK restore
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK restore

rule mangle: -A POSTROUTING -j CONNMARK --restore-mark --mask 0xff00
  saved: -A POSTROUTING -j CONNMARK --restore-mark --nfmask 0xff00 --ctmask 0xff00
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK restore mask 0xff00
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK restore mask 0xff00

rule mangle: -A POSTROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0 --left-shift-mark 3
  saved: -A POSTROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf0 --left-shift-mark 3
  listed ip: CONNMARK 0 -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK restore ctmask 0xf0 nfmask ~0xff left-shift-mark 3
  listed ip6: CONNMARK 0 -- * * ::/0 ::/0 CONNMARK restore ctmask 0xf0 nfmask ~0xff left-shift-mark 3

refused BPFC0004: -A INPUT -j CONNMARK --set-mark x
  marked: x
