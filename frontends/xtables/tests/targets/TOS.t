coverage: -j TOS --set-tos 0x10

rule mangle: -A FORWARD -j TOS --set-tos 0x12
  saved: -A FORWARD -j TOS --set-tos 0x12/0xff
  listed ip: TOS 0 -- * * 0.0.0.0/0 0.0.0.0/0 TOS set 0x12/0xff
  listed ip6: TOS 0 -- * * ::/0 ::/0 TOS set 0x12/0xff

rule mangle: -A FORWARD -j TOS --set-tos 18/0x0f
  saved: -A FORWARD -j TOS --set-tos 0x12/0x0f
  listed ip: TOS 0 -- * * 0.0.0.0/0 0.0.0.0/0 TOS set 0x12/0x0f
  listed ip6: TOS 0 -- * * ::/0 ::/0 TOS set 0x12/0x0f

rule mangle: -A FORWARD -j TOS --set-tos Maximize-Throughput
  saved: -A FORWARD -j TOS --set-tos 0x08/0x3f
  listed ip: TOS 0 -- * * 0.0.0.0/0 0.0.0.0/0 TOS set 0x08/0x3f
  listed ip6: TOS 0 -- * * ::/0 ::/0 TOS set 0x08/0x3f

rule mangle: -A FORWARD -j TOS --and-tos 0x12
  saved: -A FORWARD -j TOS --set-tos 0x00/0xed
  listed ip: TOS 0 -- * * 0.0.0.0/0 0.0.0.0/0 TOS set 0x00/0xed
  listed ip6: TOS 0 -- * * ::/0 ::/0 TOS set 0x00/0xed

rule mangle: -A FORWARD -j TOS --or-tos 0x12
  saved: -A FORWARD -j TOS --set-tos 0x12/0x12
  listed ip: TOS 0 -- * * 0.0.0.0/0 0.0.0.0/0 TOS set 0x12/0x12
  listed ip6: TOS 0 -- * * ::/0 ::/0 TOS set 0x12/0x12

rule mangle: -A POSTROUTING -j TOS --xor-tos 0x12
  saved: -A POSTROUTING -j TOS --set-tos 0x12/0x00
  listed ip: TOS 0 -- * * 0.0.0.0/0 0.0.0.0/0 TOS set 0x12/0x00
  listed ip6: TOS 0 -- * * ::/0 ::/0 TOS set 0x12/0x00

rewrite: -j TOS --set-tos 0x10/0x1c
rewrite: -j TOS --xor-tos 0x06
rewrite: -j TOS --and-tos 0xf0

refused BPFC0004: -A INPUT -j TOS --set-tos 1
  marked: TOS
