coverage: -m hbh --hbh-len 8

rule ip6: -A INPUT -m hbh --hbh-len 8 --hbh-opts 5:2,7 -m hbh ! --hbh-len 0x10
  saved: -A INPUT -m hbh --hbh-len 8 --hbh-opts 5:2,7 -m hbh ! --hbh-len 16
  listed: 0 -- * * ::/0 ::/0 hbh length:8 opts 5:2,7 hbh length:!16
