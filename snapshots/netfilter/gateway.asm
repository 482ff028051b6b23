map counters PerCpuArray key 4 value 720 entries 1
program bpfc_input4 Netfilter { family: Ipv4, hook: Input, priority: -10 } entry bpfc_input4
program bpfc_forward4 Netfilter { family: Ipv4, hook: Forward, priority: -10 } entry bpfc_forward4
program bpfc_output4 Netfilter { family: Ipv4, hook: Output, priority: -10 } entry bpfc_output4

filter_from_lan: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L8
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L8
  r9 = r0
; filter/from-lan:1: -A from-lan ! -s 192.168.10.0/24 -j DROP
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 != 0xaa8c0 goto L4
; filter/from-lan:2: -A from-lan -p udp -m multiport --dports 53,67,123 -j ACCEPT
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L0
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L0
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x3500 goto L5
  if w1 == 0x4300 goto L5
  if w1 == 0x7b00 goto L5
; filter/from-lan:3: -A from-lan -p tcp -m tcp --dport 53 -j ACCEPT
L0:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L1
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L3
  if w1 != 0x0 goto L1
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x3500 goto L6
; filter/from-lan:4: -A from-lan -p tcp -m iprange --src-range 192.168.10.2-192.168.10.9 -m tcp --dport 22 -m comment --comment admins -j ACCEPT
L1:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L2
  r1 = *(u32 *)(r7 +12)
  r1 = be32 r1
  w1 -= 0xc0a80a02
  if w1 > 0x7 goto L2
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L3
  if w1 != 0x0 goto L2
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1600 goto L7
; chain
L2:
  r0 = 0x0
  exit
L3:
  r0 = 0x2
  exit
; filter/from-lan:1: -A from-lan ! -s 192.168.10.0/24 -j DROP
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +0) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +8) += r1
  r0 = 0x2
  exit
; filter/from-lan:2: -A from-lan -p udp -m multiport --dports 53,67,123 -j ACCEPT
L5:
  r1 = 0x1
  lock *(u64 *)(r9 +16) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +24) += r1
  r0 = 0x1
  exit
; filter/from-lan:3: -A from-lan -p tcp -m tcp --dport 53 -j ACCEPT
L6:
  r1 = 0x1
  lock *(u64 *)(r9 +32) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +40) += r1
  r0 = 0x1
  exit
; filter/from-lan:4: -A from-lan -p tcp -m iprange --src-range 192.168.10.2-192.168.10.9 -m tcp --dport 22 -m comment --comment admins -j ACCEPT
L7:
  r1 = 0x1
  lock *(u64 *)(r9 +48) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +56) += r1
  r0 = 0x1
  exit
; chain exit
L8:
  r0 = 0x2
  goto L9
L9:
  exit

filter_icmp_in: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L9
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L9
  r9 = r0
; filter/icmp-in:1: -A icmp-in -p icmp -m icmp --icmp-type 8 -m length --length 28:1028 -j ACCEPT
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L0
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L0
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L3
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x800
  if w1 > 0xff goto L0
  r1 = *(u32 *)(r7 +64)
  w1 -= 0x1c
  if w1 <= 0x3e8 goto L4
; filter/icmp-in:2: -A icmp-in -p icmp -m icmp --icmp-type 3 -j ACCEPT
L0:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L1
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L1
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L3
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x300
  if w1 <= 0xff goto L5
; filter/icmp-in:3: -A icmp-in -p icmp -m icmp --icmp-type 11 -j ACCEPT
L1:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L2
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L2
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L3
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0xb00
  if w1 <= 0xff goto L6
; filter/icmp-in:4: -A icmp-in -p icmp -m icmp --icmp-type 12 -j ACCEPT
L2:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L8
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L8
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L3
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0xc00
  if w1 <= 0xff goto L7
  goto L8
; chain
L3:
  r0 = 0x2
  exit
; filter/icmp-in:1: -A icmp-in -p icmp -m icmp --icmp-type 8 -m length --length 28:1028 -j ACCEPT
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +64) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +72) += r1
  r0 = 0x1
  exit
; filter/icmp-in:2: -A icmp-in -p icmp -m icmp --icmp-type 3 -j ACCEPT
L5:
  r1 = 0x1
  lock *(u64 *)(r9 +80) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +88) += r1
  r0 = 0x1
  exit
; filter/icmp-in:3: -A icmp-in -p icmp -m icmp --icmp-type 11 -j ACCEPT
L6:
  r1 = 0x1
  lock *(u64 *)(r9 +96) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +104) += r1
  r0 = 0x1
  exit
; filter/icmp-in:4: -A icmp-in -p icmp -m icmp --icmp-type 12 -j ACCEPT
L7:
  r1 = 0x1
  lock *(u64 *)(r9 +112) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +120) += r1
  r0 = 0x1
  exit
; filter/icmp-in:5: -A icmp-in -j DROP
L8:
  r1 = 0x1
  lock *(u64 *)(r9 +128) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +136) += r1
  r0 = 0x2
  exit
; chain exit
L9:
  r0 = 0x2
  goto L10
L10:
  exit

filter_bad_sources: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L8
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L8
  r9 = r0
; filter/bad-sources:1: -A bad-sources -s 10.0.0.0/8 -j DROP
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xff
  if w1 == 0xa goto L2
; filter/bad-sources:2: -A bad-sources -s 172.16.0.0/12 -j DROP
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xf0ff
  if w1 == 0x10ac goto L3
; filter/bad-sources:3: -A bad-sources -s 192.168.0.0/16 -j DROP
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffff
  if w1 == 0xa8c0 goto L4
; filter/bad-sources:4: -A bad-sources -s 127.0.0.0/8 -j DROP
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xff
  if w1 == 0x7f goto L5
; filter/bad-sources:5: -A bad-sources -s 224.0.0.0/4 -j DROP
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xf0
  if w1 == 0xe0 goto L6
; filter/bad-sources:6: -A bad-sources -m pkttype --pkt-type multicast -j DROP
  r1 = *(u8 *)(r7 +74)
  if w1 != 0x5 goto L0
  r1 = *(u8 *)(r7 +16)
  w1 -= 0xe0
  if w1 <= 0xf goto L7
  goto L1
L0:
  r1 = *(u8 *)(r7 +74)
  if w1 == 0x2 goto L7
; chain
L1:
  r0 = 0x0
  exit
; filter/bad-sources:1: -A bad-sources -s 10.0.0.0/8 -j DROP
L2:
  r1 = 0x1
  lock *(u64 *)(r9 +144) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +152) += r1
  r0 = 0x2
  exit
; filter/bad-sources:2: -A bad-sources -s 172.16.0.0/12 -j DROP
L3:
  r1 = 0x1
  lock *(u64 *)(r9 +160) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +168) += r1
  r0 = 0x2
  exit
; filter/bad-sources:3: -A bad-sources -s 192.168.0.0/16 -j DROP
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +176) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +184) += r1
  r0 = 0x2
  exit
; filter/bad-sources:4: -A bad-sources -s 127.0.0.0/8 -j DROP
L5:
  r1 = 0x1
  lock *(u64 *)(r9 +192) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +200) += r1
  r0 = 0x2
  exit
; filter/bad-sources:5: -A bad-sources -s 224.0.0.0/4 -j DROP
L6:
  r1 = 0x1
  lock *(u64 *)(r9 +208) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +216) += r1
  r0 = 0x2
  exit
; filter/bad-sources:6: -A bad-sources -m pkttype --pkt-type multicast -j DROP
L7:
  r1 = 0x1
  lock *(u64 *)(r9 +224) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +232) += r1
  r0 = 0x2
  exit
; chain exit
L8:
  r0 = 0x2
  goto L9
L9:
  exit

filter_to_dmz: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L7
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L7
  r9 = r0
; filter/to-dmz:1: -A to-dmz -d 10.20.0.10/32 -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW,DNAT -j ACCEPT
  r1 = *(u32 *)(r7 +16)
  if w1 != 0xa00140a goto L0
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L0
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L2
  if w1 != 0x0 goto L0
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L2
  r1 = *(u16 *)(r7 +42)
  if w1 != 0xbb01 goto L0
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L3
  r1 = *(u8 *)(r7 +136)
  if w1 == 0x0 goto L0
  r1 = *(u32 *)(r7 +140)
  w1 &= 0x20
  if w1 != 0x0 goto L3
; filter/to-dmz:2: -A to-dmz -d 10.20.0.25/32 -p tcp -m tcp --dport 25 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L0:
  r1 = *(u32 *)(r7 +16)
  if w1 != 0x1900140a goto L1
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L1
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L2
  if w1 != 0x0 goto L1
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L2
  r1 = *(u16 *)(r7 +42)
  if w1 != 0x1900 goto L1
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x17
  if w1 == 0x2 goto L4
; filter/to-dmz:3: -A to-dmz -p esp -j ACCEPT
L1:
  r1 = *(u8 *)(r7 +9)
  if w1 == 0x32 goto L5
  goto L6
; chain
L2:
  r0 = 0x2
  exit
; filter/to-dmz:1: -A to-dmz -d 10.20.0.10/32 -p tcp -m tcp --dport 443 -m conntrack --ctstate NEW,DNAT -j ACCEPT
L3:
  r1 = 0x1
  lock *(u64 *)(r9 +240) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +248) += r1
  r0 = 0x1
  exit
; filter/to-dmz:2: -A to-dmz -d 10.20.0.25/32 -p tcp -m tcp --dport 25 --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +256) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +264) += r1
  r0 = 0x1
  exit
; filter/to-dmz:3: -A to-dmz -p esp -j ACCEPT
L5:
  r1 = 0x1
  lock *(u64 *)(r9 +272) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +280) += r1
  r0 = 0x1
  exit
; filter/to-dmz:4: -A to-dmz -j RETURN
L6:
  r1 = 0x1
  lock *(u64 *)(r9 +288) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +296) += r1
; chain
  r0 = 0x0
  exit
; chain exit
L7:
  r0 = 0x2
  goto L8
L8:
  exit

filter_lan_to_wan: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L9
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L9
  r9 = r0
; filter/lan-to-wan:1: -A lan-to-wan ! -s 192.168.10.0/24 -j DROP
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 != 0xaa8c0 goto L4
; filter/lan-to-wan:2: -A lan-to-wan -p tcp -m tcp --dport 25 -j DROP
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L0
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L3
  if w1 != 0x0 goto L0
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1900 goto L5
; filter/lan-to-wan:3: -A lan-to-wan -p tcp -m multiport --dports 135,137:139,445 -j DROP
L0:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L1
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L1
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x8700 goto L6
  r1 = be16 r1
  w1 -= 0x89
  if w1 <= 0x2 goto L6
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xbd01 goto L6
; filter/lan-to-wan:4: -A lan-to-wan -p udp -m multiport --dports 135,137:139,445 -j DROP
L1:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L2
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L2
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x8700 goto L7
  r1 = be16 r1
  w1 -= 0x89
  if w1 <= 0x2 goto L7
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xbd01 goto L7
; filter/lan-to-wan:5: -A lan-to-wan -m conntrack --ctstate NEW -j ACCEPT
L2:
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L8
; chain
  r0 = 0x0
  exit
L3:
  r0 = 0x2
  exit
; filter/lan-to-wan:1: -A lan-to-wan ! -s 192.168.10.0/24 -j DROP
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +304) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +312) += r1
  r0 = 0x2
  exit
; filter/lan-to-wan:2: -A lan-to-wan -p tcp -m tcp --dport 25 -j DROP
L5:
  r1 = 0x1
  lock *(u64 *)(r9 +320) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +328) += r1
  r0 = 0x2
  exit
; filter/lan-to-wan:3: -A lan-to-wan -p tcp -m multiport --dports 135,137:139,445 -j DROP
L6:
  r1 = 0x1
  lock *(u64 *)(r9 +336) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +344) += r1
  r0 = 0x2
  exit
; filter/lan-to-wan:4: -A lan-to-wan -p udp -m multiport --dports 135,137:139,445 -j DROP
L7:
  r1 = 0x1
  lock *(u64 *)(r9 +352) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +360) += r1
  r0 = 0x2
  exit
; filter/lan-to-wan:5: -A lan-to-wan -m conntrack --ctstate NEW -j ACCEPT
L8:
  r1 = 0x1
  lock *(u64 *)(r9 +368) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +376) += r1
  r0 = 0x1
  exit
; chain exit
L9:
  r0 = 0x2
  goto L10
L10:
  exit

filter_lan_to_dmz: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L6
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L6
  r9 = r0
; filter/lan-to-dmz:1: -A lan-to-dmz -p tcp -m multiport --dports 22,80,443 -m conntrack --ctstate NEW -j ACCEPT
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L1
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L1
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1600 goto L0
  if w1 == 0x5000 goto L0
  if w1 != 0xbb01 goto L1
L0:
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L4
; filter/lan-to-dmz:2: -A lan-to-dmz -d 10.20.0.25/32 -p tcp -m multiport --dports 25,587,993 -j ACCEPT
L1:
  r1 = *(u32 *)(r7 +16)
  if w1 != 0x1900140a goto L2
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L2
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L2
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L3
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1900 goto L5
  if w1 == 0x4b02 goto L5
  if w1 == 0xe103 goto L5
; chain
L2:
  r0 = 0x0
  exit
L3:
  r0 = 0x2
  exit
; filter/lan-to-dmz:1: -A lan-to-dmz -p tcp -m multiport --dports 22,80,443 -m conntrack --ctstate NEW -j ACCEPT
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +384) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +392) += r1
  r0 = 0x1
  exit
; filter/lan-to-dmz:2: -A lan-to-dmz -d 10.20.0.25/32 -p tcp -m multiport --dports 25,587,993 -j ACCEPT
L5:
  r1 = 0x1
  lock *(u64 *)(r9 +400) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +408) += r1
  r0 = 0x1
  exit
; chain exit
L6:
  r0 = 0x2
  goto L7
L7:
  exit

find_connection: ; Chain
; find the connection
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L3
  *(u8 *)(r7 +136) = 0
  r1 = *(u64 *)(r6 +8)
  r8 = *(u64 *)(r1 + offsetof(sk_buff, _nfct))
  r1 = r8
  r1 &= 0xfffffff8
  if r1 != 0x0 goto L1
  if r8 == 0x7 goto L0
  *(u8 *)(r7 +137) = 1
  goto L3
L0:
  *(u8 *)(r7 +137) = 64
  goto L3
L1:
  *(u64 *)(r10 -8) = r1
  r1 = r10
  r1 += 0xfffffff8
  r2 = btf_id(nf_ct_event)
  call bpf_rdonly_cast
  r9 = *(u64 *)(r0 + offsetof(nf_ct_event, ct))
  r8 &= 0x7
  *(u8 *)(r7 +138) = 0
  if r8 < 0x3 goto L2
  *(u8 *)(r7 +138) = 1
  r8 -= 0x3
L2:
  r1 = 0x2
  r1 <<= r8
  *(u8 *)(r7 +137) = r1
  *(u8 *)(r7 +136) = 1
  r1 = *(u64 *)(r9 + offsetof(nf_conn, status))
  *(u32 *)(r7 +140) = r1
  r1 = *(u32 *)(r9 + offsetof(nf_conn, mark))
  *(u32 *)(r7 +144) = r1
L3:
  r0 = 0x0
  exit

bpfc_input4: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff40
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  goto L0
; parse the IPv4 header
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L2
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L1
  goto L2
L1:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L4
L2:
  r3 = r7
  r3 += 0x0
  r4 = 0x14
  *(u64 *)(r10 -40) = r2
  *(u64 *)(r10 -32) = r3
  *(u64 *)(r10 -24) = r4
  r1 = *(u64 *)(r6 +8)
  r2 = 0x0
  r3 = r10
  r3 += 0xffffffc8
  call bpf_dynptr_from_skb
  r1 = *(u64 *)(r10 -32)
  r2 = *(u64 *)(r10 -24)
  r3 = r10
  r3 += 0xffffffc8
  r4 = *(u64 *)(r10 -40)
  r5 = 0x0
  call helper 201
  if r0 != 0x0 goto L30
L3:
  goto L5
L4:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +16) = r3
  goto L3
L5:
  r1 = *(u8 *)(r7 +0)
  r2 = r1
  r2 >>= 0x4
  if r2 != 0x4 goto L30
  r1 &= 0xf
  if r1 < 0x5 goto L30
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L30
  *(u32 *)(r7 +64) = r2
  r2 -= r1
  *(u32 *)(r7 +60) = r2
  r1 = *(u16 *)(r7 +6)
  r1 = be16 r1
  r1 &= 0x1fff
  *(u16 *)(r7 +70) = r1
  r1 = *(u8 *)(r7 +9)
  *(u8 *)(r7 +72) = r1
  *(u8 *)(r7 +73) = 0
  r8 = *(u32 *)(r7 +76)
  r1 = *(u32 *)(r7 +64)
  r8 += r1
  r1 = *(u64 *)(r6 +8)
  r1 = *(u32 *)(r1 + offsetof(sk_buff, len))
  if r8 > r1 goto L30
; copy the transport header
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L7
  if r2 > 0x7fff goto L7
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L6
  goto L7
L6:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L10
L7:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L9
  if r4 <= 0x14 goto L8
  r4 = 0x14
L8:
  r3 = r7
  r3 += 0x28
  *(u64 *)(r10 -40) = r2
  *(u64 *)(r10 -32) = r3
  *(u64 *)(r10 -24) = r4
  r1 = *(u64 *)(r6 +8)
  r2 = 0x0
  r3 = r10
  r3 += 0xffffffc8
  call bpf_dynptr_from_skb
  r1 = *(u64 *)(r10 -32)
  r2 = *(u64 *)(r10 -24)
  r3 = r10
  r3 += 0xffffffc8
  r4 = *(u64 *)(r10 -40)
  r5 = 0x0
  call helper 201
L9:
  goto L11
L10:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L9
; interfaces, mark, packet type
L11:
  *(u64 *)(r7 +104) = 0
  *(u64 *)(r7 +112) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, in))
  if r9 == 0x0 goto L12
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
L12:
  *(u64 *)(r7 +120) = 0
  *(u64 *)(r7 +128) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, out))
  if r9 == 0x0 goto L13
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +120) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +128) = r1
L13:
  r8 = *(u64 *)(r6 +8)
  r1 = *(u8 *)(r8 + offsetof(sk_buff, __pkt_type_offset))
  r1 &= 0x7
  *(u8 *)(r7 +74) = r1
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
; find the connection
  r1 = r6
  r2 = r7
  call find_connection
; run the base chains
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L29
  r9 = r0
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L14
  goto L19
; filter/INPUT:2: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L14:
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x6
  w1 &= 0xff
  if w1 != 0x0 goto L20
; filter/INPUT:3: -A INPUT -m conntrack --ctstate INVALID -j DROP
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x1
  w1 &= 0xff
  if w1 != 0x0 goto L21
; filter/INPUT:4: -A INPUT -i wan -j bad-sources
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e6177
  if r1 != r2 goto L15
  goto L22
; filter/INPUT:5: -A INPUT -p icmp -j icmp-in
L15:
  r1 = *(u8 *)(r7 +9)
  if w1 == 0x1 goto L23
; filter/INPUT:6: -A INPUT -i lan -j from-lan
L16:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e616c
  if r1 != r2 goto L17
  goto L24
; filter/INPUT:7: -A INPUT -i wan -p udp -m udp --dport 51820 -m comment --comment VPN -j ACCEPT
L17:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e6177
  if r1 != r2 goto L26
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L26
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L26
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L18
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x6cca goto L25
  goto L26
; chain
L18:
  goto L29
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L19:
  r1 = 0x1
  lock *(u64 *)(r9 +416) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +424) += r1
  goto L28
; filter/INPUT:2: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L20:
  r1 = 0x1
  lock *(u64 *)(r9 +432) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +440) += r1
  goto L28
; filter/INPUT:3: -A INPUT -m conntrack --ctstate INVALID -j DROP
L21:
  r1 = 0x1
  lock *(u64 *)(r9 +448) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +456) += r1
  goto L29
; filter/INPUT:4: -A INPUT -i wan -j bad-sources
L22:
  r1 = 0x1
  lock *(u64 *)(r9 +464) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +472) += r1
  r1 = r6
  r2 = r7
  call filter_bad_sources
  if w0 != 0x0 goto L27
  goto L15
; filter/INPUT:5: -A INPUT -p icmp -j icmp-in
L23:
  r1 = 0x1
  lock *(u64 *)(r9 +480) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +488) += r1
  r1 = r6
  r2 = r7
  call filter_icmp_in
  if w0 != 0x0 goto L27
  goto L16
; filter/INPUT:6: -A INPUT -i lan -j from-lan
L24:
  r1 = 0x1
  lock *(u64 *)(r9 +496) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +504) += r1
  r1 = r6
  r2 = r7
  call filter_from_lan
  if w0 != 0x0 goto L27
  goto L17
; filter/INPUT:7: -A INPUT -i wan -p udp -m udp --dport 51820 -m comment --comment VPN -j ACCEPT
L25:
  r1 = 0x1
  lock *(u64 *)(r9 +512) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +520) += r1
  goto L28
; filter/INPUT:policy: -P INPUT DROP
L26:
  r1 = 0x1
  lock *(u64 *)(r9 +528) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +536) += r1
  goto L29
; chain exit
L27:
  if w0 == 0x2 goto L29
L28:
  goto L30
; drop
L29:
  r0 = 0x0
  exit
; accept
L30:
  r0 = 0x1
  exit

bpfc_forward4: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff40
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  goto L0
; parse the IPv4 header
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L2
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L1
  goto L2
L1:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L4
L2:
  r3 = r7
  r3 += 0x0
  r4 = 0x14
  *(u64 *)(r10 -40) = r2
  *(u64 *)(r10 -32) = r3
  *(u64 *)(r10 -24) = r4
  r1 = *(u64 *)(r6 +8)
  r2 = 0x0
  r3 = r10
  r3 += 0xffffffc8
  call bpf_dynptr_from_skb
  r1 = *(u64 *)(r10 -32)
  r2 = *(u64 *)(r10 -24)
  r3 = r10
  r3 += 0xffffffc8
  r4 = *(u64 *)(r10 -40)
  r5 = 0x0
  call helper 201
  if r0 != 0x0 goto L34
L3:
  goto L5
L4:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +16) = r3
  goto L3
L5:
  r1 = *(u8 *)(r7 +0)
  r2 = r1
  r2 >>= 0x4
  if r2 != 0x4 goto L34
  r1 &= 0xf
  if r1 < 0x5 goto L34
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L34
  *(u32 *)(r7 +64) = r2
  r2 -= r1
  *(u32 *)(r7 +60) = r2
  r1 = *(u16 *)(r7 +6)
  r1 = be16 r1
  r1 &= 0x1fff
  *(u16 *)(r7 +70) = r1
  r1 = *(u8 *)(r7 +9)
  *(u8 *)(r7 +72) = r1
  *(u8 *)(r7 +73) = 0
  r8 = *(u32 *)(r7 +76)
  r1 = *(u32 *)(r7 +64)
  r8 += r1
  r1 = *(u64 *)(r6 +8)
  r1 = *(u32 *)(r1 + offsetof(sk_buff, len))
  if r8 > r1 goto L34
; copy the transport header
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L7
  if r2 > 0x7fff goto L7
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L6
  goto L7
L6:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L10
L7:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L9
  if r4 <= 0x14 goto L8
  r4 = 0x14
L8:
  r3 = r7
  r3 += 0x28
  *(u64 *)(r10 -40) = r2
  *(u64 *)(r10 -32) = r3
  *(u64 *)(r10 -24) = r4
  r1 = *(u64 *)(r6 +8)
  r2 = 0x0
  r3 = r10
  r3 += 0xffffffc8
  call bpf_dynptr_from_skb
  r1 = *(u64 *)(r10 -32)
  r2 = *(u64 *)(r10 -24)
  r3 = r10
  r3 += 0xffffffc8
  r4 = *(u64 *)(r10 -40)
  r5 = 0x0
  call helper 201
L9:
  goto L11
L10:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L9
; interfaces, mark, packet type
L11:
  *(u64 *)(r7 +104) = 0
  *(u64 *)(r7 +112) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, in))
  if r9 == 0x0 goto L12
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
L12:
  *(u64 *)(r7 +120) = 0
  *(u64 *)(r7 +128) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, out))
  if r9 == 0x0 goto L13
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +120) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +128) = r1
L13:
  r8 = *(u64 *)(r6 +8)
  r1 = *(u8 *)(r8 + offsetof(sk_buff, __pkt_type_offset))
  r1 &= 0x7
  *(u8 *)(r7 +74) = r1
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
; find the connection
  r1 = r6
  r2 = r7
  call find_connection
; run the base chains
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L33
  r9 = r0
; filter/FORWARD:1: -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x6
  w1 &= 0xff
  if w1 != 0x0 goto L21
; filter/FORWARD:2: -A FORWARD -m conntrack --ctstate INVALID -j DROP
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x1
  w1 &= 0xff
  if w1 != 0x0 goto L22
; filter/FORWARD:3: -A FORWARD -i wan -j bad-sources
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e6177
  if r1 != r2 goto L14
  goto L23
; filter/FORWARD:4: -A FORWARD -i lan -o dmz -g lan-to-dmz
L14:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e616c
  if r1 != r2 goto L15
  r1 = *(u64 *)(r7 +120)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x7a6d64
  if r1 != r2 goto L15
  goto L24
; filter/FORWARD:5: -A FORWARD -i lan -o wan -g lan-to-wan
L15:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e616c
  if r1 != r2 goto L16
  r1 = *(u64 *)(r7 +120)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e6177
  if r1 != r2 goto L16
  goto L25
; filter/FORWARD:6: -A FORWARD -i wan -o dmz -j to-dmz
L16:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e6177
  if r1 != r2 goto L17
  r1 = *(u64 *)(r7 +120)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x7a6d64
  if r1 != r2 goto L17
  goto L26
; filter/FORWARD:7: -A FORWARD -i dmz -o wan -p tcp -m multiport --dports 80,443 -j ACCEPT
L17:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x7a6d64
  if r1 != r2 goto L18
  r1 = *(u64 *)(r7 +120)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e6177
  if r1 != r2 goto L18
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L18
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L18
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L20
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L27
  if w1 == 0xbb01 goto L27
; filter/FORWARD:8: -A FORWARD -i dmz -o wan -p udp -m udp --dport 53 -j ACCEPT
L18:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x7a6d64
  if r1 != r2 goto L19
  r1 = *(u64 *)(r7 +120)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e6177
  if r1 != r2 goto L19
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L19
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L19
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L20
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x3500 goto L28
; filter/FORWARD:9: -A FORWARD -p icmp -j icmp-in
L19:
  r1 = *(u8 *)(r7 +9)
  if w1 == 0x1 goto L29
  goto L30
; chain
L20:
  goto L33
; filter/FORWARD:1: -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L21:
  r1 = 0x1
  lock *(u64 *)(r9 +544) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +552) += r1
  goto L32
; filter/FORWARD:2: -A FORWARD -m conntrack --ctstate INVALID -j DROP
L22:
  r1 = 0x1
  lock *(u64 *)(r9 +560) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +568) += r1
  goto L33
; filter/FORWARD:3: -A FORWARD -i wan -j bad-sources
L23:
  r1 = 0x1
  lock *(u64 *)(r9 +576) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +584) += r1
  r1 = r6
  r2 = r7
  call filter_bad_sources
  if w0 != 0x0 goto L31
  goto L14
; filter/FORWARD:4: -A FORWARD -i lan -o dmz -g lan-to-dmz
L24:
  r1 = 0x1
  lock *(u64 *)(r9 +592) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +600) += r1
  r1 = r6
  r2 = r7
  call filter_lan_to_dmz
  if w0 != 0x0 goto L31
  goto L30
; filter/FORWARD:5: -A FORWARD -i lan -o wan -g lan-to-wan
L25:
  r1 = 0x1
  lock *(u64 *)(r9 +608) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +616) += r1
  r1 = r6
  r2 = r7
  call filter_lan_to_wan
  if w0 != 0x0 goto L31
  goto L30
; filter/FORWARD:6: -A FORWARD -i wan -o dmz -j to-dmz
L26:
  r1 = 0x1
  lock *(u64 *)(r9 +624) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +632) += r1
  r1 = r6
  r2 = r7
  call filter_to_dmz
  if w0 != 0x0 goto L31
  goto L17
; filter/FORWARD:7: -A FORWARD -i dmz -o wan -p tcp -m multiport --dports 80,443 -j ACCEPT
L27:
  r1 = 0x1
  lock *(u64 *)(r9 +640) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +648) += r1
  goto L32
; filter/FORWARD:8: -A FORWARD -i dmz -o wan -p udp -m udp --dport 53 -j ACCEPT
L28:
  r1 = 0x1
  lock *(u64 *)(r9 +656) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +664) += r1
  goto L32
; filter/FORWARD:9: -A FORWARD -p icmp -j icmp-in
L29:
  r1 = 0x1
  lock *(u64 *)(r9 +672) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +680) += r1
  r1 = r6
  r2 = r7
  call filter_icmp_in
  if w0 != 0x0 goto L31
; filter/FORWARD:policy: -P FORWARD DROP
L30:
  r1 = 0x1
  lock *(u64 *)(r9 +688) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +696) += r1
  goto L33
; chain exit
L31:
  if w0 == 0x2 goto L33
L32:
  goto L34
; drop
L33:
  r0 = 0x0
  exit
; accept
L34:
  r0 = 0x1
  exit

bpfc_output4: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff40
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  goto L0
; parse the IPv4 header
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L2
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L1
  goto L2
L1:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L4
L2:
  r3 = r7
  r3 += 0x0
  r4 = 0x14
  *(u64 *)(r10 -40) = r2
  *(u64 *)(r10 -32) = r3
  *(u64 *)(r10 -24) = r4
  r1 = *(u64 *)(r6 +8)
  r2 = 0x0
  r3 = r10
  r3 += 0xffffffc8
  call bpf_dynptr_from_skb
  r1 = *(u64 *)(r10 -32)
  r2 = *(u64 *)(r10 -24)
  r3 = r10
  r3 += 0xffffffc8
  r4 = *(u64 *)(r10 -40)
  r5 = 0x0
  call helper 201
  if r0 != 0x0 goto L16
L3:
  goto L5
L4:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +16) = r3
  goto L3
L5:
  r1 = *(u8 *)(r7 +0)
  r2 = r1
  r2 >>= 0x4
  if r2 != 0x4 goto L16
  r1 &= 0xf
  if r1 < 0x5 goto L16
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L16
  *(u32 *)(r7 +64) = r2
  r2 -= r1
  *(u32 *)(r7 +60) = r2
  r1 = *(u16 *)(r7 +6)
  r1 = be16 r1
  r1 &= 0x1fff
  *(u16 *)(r7 +70) = r1
  r1 = *(u8 *)(r7 +9)
  *(u8 *)(r7 +72) = r1
  *(u8 *)(r7 +73) = 0
  r8 = *(u32 *)(r7 +76)
  r1 = *(u32 *)(r7 +64)
  r8 += r1
  r1 = *(u64 *)(r6 +8)
  r1 = *(u32 *)(r1 + offsetof(sk_buff, len))
  if r8 > r1 goto L16
; copy the transport header
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L7
  if r2 > 0x7fff goto L7
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L6
  goto L7
L6:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L10
L7:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L9
  if r4 <= 0x14 goto L8
  r4 = 0x14
L8:
  r3 = r7
  r3 += 0x28
  *(u64 *)(r10 -40) = r2
  *(u64 *)(r10 -32) = r3
  *(u64 *)(r10 -24) = r4
  r1 = *(u64 *)(r6 +8)
  r2 = 0x0
  r3 = r10
  r3 += 0xffffffc8
  call bpf_dynptr_from_skb
  r1 = *(u64 *)(r10 -32)
  r2 = *(u64 *)(r10 -24)
  r3 = r10
  r3 += 0xffffffc8
  r4 = *(u64 *)(r10 -40)
  r5 = 0x0
  call helper 201
L9:
  goto L11
L10:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L9
; interfaces, mark, packet type
L11:
  *(u64 *)(r7 +104) = 0
  *(u64 *)(r7 +112) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, in))
  if r9 == 0x0 goto L12
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
L12:
  *(u64 *)(r7 +120) = 0
  *(u64 *)(r7 +128) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, out))
  if r9 == 0x0 goto L13
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +120) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +128) = r1
L13:
  r8 = *(u64 *)(r6 +8)
  r1 = *(u8 *)(r8 + offsetof(sk_buff, __pkt_type_offset))
  r1 &= 0x7
  *(u8 *)(r7 +74) = r1
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
; find the connection
  r1 = r6
  r2 = r7
  call find_connection
; run the base chains
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L15
  r9 = r0
; filter/OUTPUT:policy: -P OUTPUT ACCEPT
  r1 = 0x1
  lock *(u64 *)(r9 +704) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +712) += r1
  goto L14
L14:
  goto L16
; drop
L15:
  r0 = 0x0
  exit
; accept
L16:
  r0 = 0x1
  exit
