map counters PerCpuArray key 4 value 432 entries 1
map state Array key 4 value 512 entries 1
map connections LruHash key 40 value 8 entries 65536
map conntrack_table Array key 4 value 32 entries 1
program bpfc_xdp Xdp entry bpfc_xdp
program bpfc_companion Companion entry bpfc_companion

ip6_filter_link_local: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L5
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L5
  r9 = r0
; ip6/filter/link-local:1: -A link-local -p udp -m udp --sport 547 --dport 546 -j ACCEPT
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L1
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x11 goto L0
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L0
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L1
  r1 = *(u16 *)(r7 +40)
  if w1 != 0x2302 goto L0
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x2202 goto L2
; ip6/filter/link-local:2: -A link-local -d ff02::fb/128 -p udp -m udp --dport 5353 -j ACCEPT
L0:
  r1 = *(u64 *)(r7 +24)
  r2 = 0x2ff
  if r1 != r2 goto L4
  r1 = *(u64 *)(r7 +32)
  r2 = 0xfb00000000000000 ll
  if r1 != r2 goto L4
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L1
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x11 goto L4
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L4
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L1
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xe914 goto L3
  goto L4
; chain
L1:
  r0 = 0x2
  exit
; ip6/filter/link-local:1: -A link-local -p udp -m udp --sport 547 --dport 546 -j ACCEPT
L2:
  r1 = *(u64 *)(r9 +0)
  r1 += 0x1
  *(u64 *)(r9 +0) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +8)
  r1 += r2
  *(u64 *)(r9 +8) = r1
  r0 = 0x1
  exit
; ip6/filter/link-local:2: -A link-local -d ff02::fb/128 -p udp -m udp --dport 5353 -j ACCEPT
L3:
  r1 = *(u64 *)(r9 +16)
  r1 += 0x1
  *(u64 *)(r9 +16) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +24)
  r1 += r2
  *(u64 *)(r9 +24) = r1
  r0 = 0x1
  exit
; ip6/filter/link-local:3: -A link-local -j RETURN
L4:
  r1 = *(u64 *)(r9 +32)
  r1 += 0x1
  *(u64 *)(r9 +32) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +40)
  r1 += r2
  *(u64 *)(r9 +40) = r1
; chain
  r0 = 0x0
  exit
; chain exit
L5:
  r0 = 0x2
  goto L6
L6:
  exit

ip6_filter_icmpv6_in: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L25
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L25
  r9 = r0
; ip6/filter/icmpv6-in:1: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 1 -j ACCEPT
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L0
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L0
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x100
  if w1 <= 0xff goto L12
; ip6/filter/icmpv6-in:2: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 2 -j ACCEPT
L0:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L1
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L1
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x200
  if w1 <= 0xff goto L13
; ip6/filter/icmpv6-in:3: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 3 -j ACCEPT
L1:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L2
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L2
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x300
  if w1 <= 0xff goto L14
; ip6/filter/icmpv6-in:4: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 4 -j ACCEPT
L2:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L3
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L3
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x400
  if w1 <= 0xff goto L15
; ip6/filter/icmpv6-in:5: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT
L3:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L4
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L4
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8000
  if w1 <= 0xff goto L16
; ip6/filter/icmpv6-in:6: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 133 -m hl --hl-eq 255 -j ACCEPT
L4:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L5
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L5
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8500
  if w1 > 0xff goto L5
  r1 = *(u8 *)(r7 +7)
  if w1 == 0xff goto L17
; ip6/filter/icmpv6-in:7: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 134 -m hl --hl-eq 255 -j ACCEPT
L5:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L6
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L6
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8600
  if w1 > 0xff goto L6
  r1 = *(u8 *)(r7 +7)
  if w1 == 0xff goto L18
; ip6/filter/icmpv6-in:8: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j ACCEPT
L6:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L7
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L7
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8700
  if w1 > 0xff goto L7
  r1 = *(u8 *)(r7 +7)
  if w1 == 0xff goto L19
; ip6/filter/icmpv6-in:9: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 136 -m hl --hl-eq 255 -j ACCEPT
L7:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L8
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L8
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8800
  if w1 > 0xff goto L8
  r1 = *(u8 *)(r7 +7)
  if w1 == 0xff goto L20
; ip6/filter/icmpv6-in:10: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 130 -j ACCEPT
L8:
  r1 = *(u64 *)(r7 +8)
  r2 = 0xc0ff
  r1 &= r2
  r2 = 0x80fe
  if r1 != r2 goto L9
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L9
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L9
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8200
  if w1 <= 0xff goto L21
; ip6/filter/icmpv6-in:11: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 131 -j ACCEPT
L9:
  r1 = *(u64 *)(r7 +8)
  r2 = 0xc0ff
  r1 &= r2
  r2 = 0x80fe
  if r1 != r2 goto L10
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L10
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L10
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8300
  if w1 <= 0xff goto L22
; ip6/filter/icmpv6-in:12: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 132 -j ACCEPT
L10:
  r1 = *(u64 *)(r7 +8)
  r2 = 0xc0ff
  r1 &= r2
  r2 = 0x80fe
  if r1 != r2 goto L24
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L11
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x3a goto L24
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L24
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L11
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x8400
  if w1 <= 0xff goto L23
  goto L24
; chain
L11:
  r0 = 0x2
  exit
; ip6/filter/icmpv6-in:1: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 1 -j ACCEPT
L12:
  r1 = *(u64 *)(r9 +48)
  r1 += 0x1
  *(u64 *)(r9 +48) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +56)
  r1 += r2
  *(u64 *)(r9 +56) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:2: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 2 -j ACCEPT
L13:
  r1 = *(u64 *)(r9 +64)
  r1 += 0x1
  *(u64 *)(r9 +64) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +72)
  r1 += r2
  *(u64 *)(r9 +72) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:3: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 3 -j ACCEPT
L14:
  r1 = *(u64 *)(r9 +80)
  r1 += 0x1
  *(u64 *)(r9 +80) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +88)
  r1 += r2
  *(u64 *)(r9 +88) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:4: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 4 -j ACCEPT
L15:
  r1 = *(u64 *)(r9 +96)
  r1 += 0x1
  *(u64 *)(r9 +96) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +104)
  r1 += r2
  *(u64 *)(r9 +104) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:5: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT
L16:
  r1 = *(u64 *)(r9 +112)
  r1 += 0x1
  *(u64 *)(r9 +112) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +120)
  r1 += r2
  *(u64 *)(r9 +120) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:6: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 133 -m hl --hl-eq 255 -j ACCEPT
L17:
  r1 = *(u64 *)(r9 +128)
  r1 += 0x1
  *(u64 *)(r9 +128) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +136)
  r1 += r2
  *(u64 *)(r9 +136) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:7: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 134 -m hl --hl-eq 255 -j ACCEPT
L18:
  r1 = *(u64 *)(r9 +144)
  r1 += 0x1
  *(u64 *)(r9 +144) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +152)
  r1 += r2
  *(u64 *)(r9 +152) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:8: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j ACCEPT
L19:
  r1 = *(u64 *)(r9 +160)
  r1 += 0x1
  *(u64 *)(r9 +160) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +168)
  r1 += r2
  *(u64 *)(r9 +168) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:9: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 136 -m hl --hl-eq 255 -j ACCEPT
L20:
  r1 = *(u64 *)(r9 +176)
  r1 += 0x1
  *(u64 *)(r9 +176) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +184)
  r1 += r2
  *(u64 *)(r9 +184) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:10: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 130 -j ACCEPT
L21:
  r1 = *(u64 *)(r9 +192)
  r1 += 0x1
  *(u64 *)(r9 +192) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +200)
  r1 += r2
  *(u64 *)(r9 +200) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:11: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 131 -j ACCEPT
L22:
  r1 = *(u64 *)(r9 +208)
  r1 += 0x1
  *(u64 *)(r9 +208) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +216)
  r1 += r2
  *(u64 *)(r9 +216) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:12: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 132 -j ACCEPT
L23:
  r1 = *(u64 *)(r9 +224)
  r1 += 0x1
  *(u64 *)(r9 +224) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +232)
  r1 += r2
  *(u64 *)(r9 +232) = r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:13: -A icmpv6-in -j DROP
L24:
  r1 = *(u64 *)(r9 +240)
  r1 += 0x1
  *(u64 *)(r9 +240) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +248)
  r1 += r2
  *(u64 *)(r9 +248) = r1
  r0 = 0x2
  exit
; chain exit
L25:
  r0 = 0x2
  goto L26
L26:
  exit

walk_ipv6: ; Chain
; walk the IPv6 extension headers
  r7 = r2
  r0 = 0x0
  if r7 == 0x0 goto L0
  r2 = *(u8 *)(r7 +6)
  *(u32 *)(r7 +84) = r2
  *(u32 *)(r7 +88) = 40
  *(u32 *)(r7 +96) = -1
  *(u64 *)(r10 -16) = r1
  *(u64 *)(r10 -8) = r7
  r1 = 0x2000
  r2 = &walk_ipv6_header
  r3 = r10
  r3 += 0xfffffff0
  r4 = 0x0
  call helper 181
  r0 = *(u32 *)(r7 +96)
L0:
  exit

others_body: ; LoopBody
; look at a device above
  r7 = *(u64 *)(r2 +8)
  r1 = *(u64 *)(r7 +0)
  r2 = btf_id(list_head)
  call bpf_rdonly_cast
  r8 = *(u64 *)(r0 + offsetof(list_head, next))
  r1 = *(u32 *)(r7 +64)
  if r1 != 0x1 goto L0
  r9 = *(u64 *)(r7 +32)
  goto L1
L0:
  r9 = *(u64 *)(r7 +8)
  r1 = 0x0
  r1 += offsetof(netdev_adjacent, list)
  r9 -= r1
  r1 = r9
  r2 = btf_id(netdev_adjacent)
  call bpf_rdonly_cast
  r9 = *(u64 *)(r0 + offsetof(netdev_adjacent, dev))
L1:
  r9 += offsetof(net_device, adj_list.upper)
  if r8 != r9 goto L2
  r1 = *(u64 *)(r7 +8)
  *(u64 *)(r7 +0) = r1
  r1 = *(u64 *)(r7 +16)
  *(u64 *)(r7 +8) = r1
  r1 = *(u64 *)(r7 +24)
  *(u64 *)(r7 +16) = r1
  r1 = *(u32 *)(r7 +64)
  r1 -= 0x1
  *(u32 *)(r7 +64) = r1
  if r1 != 0x0 goto L7
  goto L10
L2:
  if r8 == 0x0 goto L9
  *(u64 *)(r7 +0) = r8
  r1 = 0x0
  r1 += offsetof(netdev_adjacent, list)
  r8 -= r1
  r1 = r8
  r2 = btf_id(netdev_adjacent)
  call bpf_rdonly_cast
  r8 = *(u64 *)(r0 + offsetof(netdev_adjacent, dev))
  if r8 == 0x0 goto L9
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r1 = *(u64 *)(r0 + offsetof(net_device, nd_net))
  r2 = *(u64 *)(r7 +56)
  if r1 != r2 goto L6
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r1 = *(u64 *)(r0 + offsetof(net_device, rtnl_link_ops))
  if r1 == 0x0 goto L9
  r2 = btf_id(rtnl_link_ops)
  call bpf_rdonly_cast
  r3 = *(u64 *)(r0 + offsetof(rtnl_link_ops, kind))
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r9 = *(u64 *)(r10 -8)
  r1 = r9
  r1 <<= 0x8
  r2 = 0x65676469726200 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x18
  r2 = 0x6e616c76000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x18
  r2 = 0x646e6f62000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x18
  r2 = 0x6d616574000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x20
  r2 = 0x66727600000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x0
  r2 = 0x6e616c7663616d ll
  if r1 == r2 goto L4
  r1 = r9
  r1 <<= 0x0
  r2 = 0x7061747663616d ll
  if r1 == r2 goto L4
  r1 = r9
  r1 <<= 0x8
  r2 = 0x6e616c76706900 ll
  if r1 == r2 goto L4
  r1 = r9
  r1 <<= 0x8
  r2 = 0x70617476706900 ll
  if r1 == r2 goto L4
  goto L9
L3:
  r1 = *(u64 *)(r7 +40)
  if r1 & 0x1 goto L6
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r3 = *(u64 *)(r0 + offsetof(net_device, dev_addr))
  r1 = r3
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r9 = *(u64 *)(r0 +0)
  r9 <<= 0x10
  r9 >>= 0x10
  goto L5
L4:
  r1 = *(u64 *)(r7 +40)
  if r1 & 0x1 goto L9
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r3 = *(u64 *)(r0 + offsetof(net_device, dev_addr))
  r1 = r3
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r9 = *(u64 *)(r0 +0)
  r9 <<= 0x10
  r9 >>= 0x10
  r1 = *(u64 *)(r7 +48)
  if r9 == r1 goto L9
L5:
  r1 = *(u64 *)(r7 +40)
  if r9 == r1 goto L8
  goto L6
L6:
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r1 = *(u8 *)(r0 + offsetof(net_device, upper_level))
  if r1 == 0x1 goto L7
  r1 = *(u32 *)(r7 +64)
  if r1 >= 0x4 goto L9
  r1 += 0x1
  *(u32 *)(r7 +64) = r1
  r1 = *(u64 *)(r7 +16)
  *(u64 *)(r7 +24) = r1
  r1 = *(u64 *)(r7 +8)
  *(u64 *)(r7 +16) = r1
  r1 = *(u64 *)(r7 +0)
  *(u64 *)(r7 +8) = r1
  r8 += offsetof(net_device, adj_list.upper)
  *(u64 *)(r7 +0) = r8
L7:
  r0 = 0x0
  exit
L8:
  *(u32 *)(r7 +68) = 3
  goto L10
L9:
  *(u32 *)(r7 +68) = 0
L10:
  r0 = 0x1
  exit

others_copying: ; LoopBody
; look at a device above
  r7 = *(u64 *)(r2 +8)
  r1 = *(u64 *)(r7 +0)
  r3 = r1
  r3 += offsetof(list_head, next)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r8 = *(u64 *)(r10 -8)
  r1 = *(u32 *)(r7 +64)
  if r1 != 0x1 goto L0
  r9 = *(u64 *)(r7 +32)
  goto L1
L0:
  r9 = *(u64 *)(r7 +8)
  r1 = 0x0
  r1 += offsetof(netdev_adjacent, list)
  r9 -= r1
  r3 = r9
  r3 += offsetof(netdev_adjacent, dev)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r9 = *(u64 *)(r10 -8)
L1:
  r9 += offsetof(net_device, adj_list.upper)
  if r8 != r9 goto L2
  r1 = *(u64 *)(r7 +8)
  *(u64 *)(r7 +0) = r1
  r1 = *(u64 *)(r7 +16)
  *(u64 *)(r7 +8) = r1
  r1 = *(u64 *)(r7 +24)
  *(u64 *)(r7 +16) = r1
  r1 = *(u32 *)(r7 +64)
  r1 -= 0x1
  *(u32 *)(r7 +64) = r1
  if r1 != 0x0 goto L7
  goto L10
L2:
  if r8 == 0x0 goto L9
  *(u64 *)(r7 +0) = r8
  r1 = 0x0
  r1 += offsetof(netdev_adjacent, list)
  r8 -= r1
  r3 = r8
  r3 += offsetof(netdev_adjacent, dev)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r8 = *(u64 *)(r10 -8)
  if r8 == 0x0 goto L9
  r3 = r8
  r3 += offsetof(net_device, nd_net)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -8)
  r2 = *(u64 *)(r7 +56)
  if r1 != r2 goto L6
  r3 = r8
  r3 += offsetof(net_device, rtnl_link_ops)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -8)
  if r1 == 0x0 goto L9
  r3 = r1
  r3 += offsetof(rtnl_link_ops, kind)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r9 = *(u64 *)(r10 -8)
  r1 = r9
  r1 <<= 0x8
  r2 = 0x65676469726200 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x18
  r2 = 0x6e616c76000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x18
  r2 = 0x646e6f62000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x18
  r2 = 0x6d616574000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x20
  r2 = 0x66727600000000 ll
  if r1 == r2 goto L3
  r1 = r9
  r1 <<= 0x0
  r2 = 0x6e616c7663616d ll
  if r1 == r2 goto L4
  r1 = r9
  r1 <<= 0x0
  r2 = 0x7061747663616d ll
  if r1 == r2 goto L4
  r1 = r9
  r1 <<= 0x8
  r2 = 0x6e616c76706900 ll
  if r1 == r2 goto L4
  r1 = r9
  r1 <<= 0x8
  r2 = 0x70617476706900 ll
  if r1 == r2 goto L4
  goto L9
L3:
  r1 = *(u64 *)(r7 +40)
  if r1 & 0x1 goto L6
  r3 = r8
  r3 += offsetof(net_device, dev_addr)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x6
  call helper 113
  r9 = *(u64 *)(r10 -8)
  goto L5
L4:
  r1 = *(u64 *)(r7 +40)
  if r1 & 0x1 goto L9
  r3 = r8
  r3 += offsetof(net_device, dev_addr)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x6
  call helper 113
  r9 = *(u64 *)(r10 -8)
  r1 = *(u64 *)(r7 +48)
  if r9 == r1 goto L9
L5:
  r1 = *(u64 *)(r7 +40)
  if r9 == r1 goto L8
  goto L6
L6:
  r3 = r8
  r3 += offsetof(net_device, upper_level)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x1
  call helper 113
  r1 = *(u8 *)(r10 -8)
  if r1 == 0x1 goto L7
  r1 = *(u32 *)(r7 +64)
  if r1 >= 0x4 goto L9
  r1 += 0x1
  *(u32 *)(r7 +64) = r1
  r1 = *(u64 *)(r7 +16)
  *(u64 *)(r7 +24) = r1
  r1 = *(u64 *)(r7 +8)
  *(u64 *)(r7 +16) = r1
  r1 = *(u64 *)(r7 +0)
  *(u64 *)(r7 +8) = r1
  r8 += offsetof(net_device, adj_list.upper)
  *(u64 *)(r7 +0) = r8
L7:
  r0 = 0x0
  exit
L8:
  *(u32 *)(r7 +68) = 3
  goto L10
L9:
  *(u32 *)(r7 +68) = 0
L10:
  r0 = 0x1
  exit

others: ; Chain
; ask whether a frame is for others
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L7
  r0 = exists(bpf_rdonly_cast)
  if r0 == 0x0 goto L3
  r1 = r6
  call bpf_cast_to_kern_ctx
  r1 = *(u64 *)(r0 + offsetof(xdp_buff, rxq))
  r8 = *(u64 *)(r1 + offsetof(xdp_rxq_info, dev))
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r3 = *(u64 *)(r0 + offsetof(net_device, dev_addr))
  r1 = r3
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r9 = *(u64 *)(r0 +0)
  r9 <<= 0x10
  r9 >>= 0x10
  r2 = *(u64 *)(r7 +40)
  if r2 != r9 goto L0
  r1 = *(u32 *)(r6 +12)
  r4 = r1
  r4 >>= 0x6
  r4 += 0x1
  r4 <<= 0x30
  r4 |= r2
  r1 &= 0x3f
  r1 <<= 0x3
  r5 = map state[0]+0
  r5 += r1
  *(u64 *)(r5 +0) = r4
  r0 = 0x3
  exit
L0:
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r1 = *(u8 *)(r0 + offsetof(net_device, upper_level))
  if r1 == 0x1 goto L1
  *(u64 *)(r7 +32) = r8
  *(u64 *)(r7 +48) = r9
  r1 = r8
  r2 = btf_id(net_device)
  call bpf_rdonly_cast
  r1 = *(u64 *)(r0 + offsetof(net_device, nd_net))
  *(u64 *)(r7 +56) = r1
  r8 += offsetof(net_device, adj_list.upper)
  *(u64 *)(r7 +0) = r8
  *(u32 *)(r7 +64) = 1
  *(u32 *)(r7 +68) = 1
  r1 = r6
  *(u64 *)(r10 -16) = r1
  *(u64 *)(r10 -8) = r7
  r1 = 0x10000
  r2 = &others_body
  r3 = r10
  r3 += 0xfffffff0
  r4 = 0x0
  call helper 181
  r0 = *(u32 *)(r7 +68)
  if r0 != 0x1 goto L2
  r1 = *(u32 *)(r7 +64)
  if r1 != 0x0 goto L7
L1:
  r0 = 0x1
L2:
  exit
L3:
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r8 = *(u64 *)(r10 -8)
  r3 = r8
  r3 += offsetof(net_device, dev_addr)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x6
  call helper 113
  r9 = *(u64 *)(r10 -8)
  r2 = *(u64 *)(r7 +40)
  if r2 != r9 goto L4
  r1 = *(u32 *)(r6 +12)
  r4 = r1
  r4 >>= 0x6
  r4 += 0x1
  r4 <<= 0x30
  r4 |= r2
  r1 &= 0x3f
  r1 <<= 0x3
  r5 = map state[0]+0
  r5 += r1
  *(u64 *)(r5 +0) = r4
  r0 = 0x3
  exit
L4:
  r3 = r8
  r3 += offsetof(net_device, upper_level)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x1
  call helper 113
  r1 = *(u8 *)(r10 -8)
  if r1 == 0x1 goto L5
  *(u64 *)(r7 +32) = r8
  *(u64 *)(r7 +48) = r9
  r3 = r8
  r3 += offsetof(net_device, nd_net)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -8)
  *(u64 *)(r7 +56) = r1
  r8 += offsetof(net_device, adj_list.upper)
  *(u64 *)(r7 +0) = r8
  *(u32 *)(r7 +64) = 1
  *(u32 *)(r7 +68) = 1
  r1 = r6
  *(u64 *)(r10 -16) = r1
  *(u64 *)(r10 -8) = r7
  r1 = 0x10000
  r2 = &others_copying
  r3 = r10
  r3 += 0xfffffff0
  r4 = 0x0
  call helper 181
  r0 = *(u32 *)(r7 +68)
  if r0 != 0x1 goto L6
  r1 = *(u32 *)(r7 +64)
  if r1 != 0x0 goto L7
L5:
  r0 = 0x1
L6:
  exit
L7:
  r0 = 0x0
  exit

find_connection: ; Chain
; find the connection
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L42
  *(u8 *)(r7 +120) = 0
  r1 = *(u8 *)(r7 +73)
  if r1 != 0x0 goto L40
  r1 = *(u16 *)(r7 +70)
  if r1 != 0x0 goto L40
  r8 = *(u8 *)(r7 +72)
  r2 = *(u32 *)(r7 +60)
  *(u64 *)(r10 -8) = 0
  if r8 == 0x6 goto L17
  if r8 == 0x11 goto L18
  if r8 == 0x3a goto L21
  if r8 != 0x84 goto L0
  r1 = exists(nf_ip_net, sctp)
  if r1 == 0x0 goto L0
  if r2 < 0xc goto L40
L0:
  *(u64 *)(r10 -64) = 0
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
  *(u64 *)(r10 -40) = 0
  *(u64 *)(r10 -32) = 0
  r1 = *(u32 *)(r7 +8)
  *(u32 *)(r10 -64) = r1
  r1 = *(u32 *)(r7 +24)
  *(u32 *)(r10 -44) = r1
  r1 = *(u32 *)(r7 +12)
  *(u32 *)(r10 -60) = r1
  r1 = *(u32 *)(r7 +28)
  *(u32 *)(r10 -40) = r1
  r1 = *(u32 *)(r7 +16)
  *(u32 *)(r10 -56) = r1
  r1 = *(u32 *)(r7 +32)
  *(u32 *)(r10 -36) = r1
  r1 = *(u32 *)(r7 +20)
  *(u32 *)(r10 -52) = r1
  r1 = *(u32 *)(r7 +36)
  *(u32 *)(r10 -32) = r1
  *(u16 *)(r10 -46) = 10
  *(u8 *)(r10 -26) = r8
  if r8 == 0x3a goto L5
  if r8 == 0x1 goto L40
  if r8 == 0x2f goto L4
  if r8 == 0x84 goto L1
  if r8 == 0x21 goto L2
  if r8 == 0x88 goto L3
  goto L6
L1:
  r1 = exists(nf_ip_net, sctp)
  if r1 == 0x0 goto L6
  goto L3
L2:
  r1 = exists(nf_ip_net, dccp)
  if r1 == 0x0 goto L6
L3:
  if r2 < 0x4 goto L6
  r1 = *(u16 *)(r7 +40)
  *(u16 *)(r10 -48) = r1
  r1 = *(u16 *)(r7 +42)
  *(u16 *)(r10 -28) = r1
  goto L6
L4:
  r1 = exists(nf_ip_net, gre)
  if r1 == 0x0 goto L6
  if r2 < 0x8 goto L6
  r1 = *(u8 *)(r7 +41)
  r1 &= 0x7
  if r1 != 0x1 goto L6
  r1 = *(u16 *)(r7 +42)
  r1 = be16 r1
  if r1 != 0x880b goto L40
  r1 = *(u16 *)(r7 +46)
  *(u16 *)(r10 -28) = r1
  goto L6
L5:
  r1 = *(u16 *)(r7 +44)
  *(u16 *)(r10 -48) = r1
  r1 = *(u16 *)(r7 +40)
  *(u16 *)(r10 -28) = r1
L6:
  r1 = map conntrack_table[0]+0
  r1 = *(u64 *)(r1 +0)
  if r1 == 0x0 goto L7
  *(u8 *)(r10 -25) = 0
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(net_device, nd_net)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  *(u64 *)(r10 -96) = r3
  *(u8 *)(r7 +122) = 0
  r1 = *(u8 *)(r7 +122)
  *(u64 *)(r10 -112) = r1
  *(u64 *)(r10 -104) = r1
  *(u64 *)(r10 -88) = r1
  *(u64 *)(r10 -80) = r1
  r1 = 0x100000
  r2 = &connection_step
  r3 = r10
  r3 += 0xffffff90
  r4 = 0x0
  call helper 181
  r9 = *(u64 *)(r10 -88)
  if r9 == 0x0 goto L10
  r1 = *(u64 *)(r10 -80)
  *(u8 *)(r7 +122) = r1
  goto L9
L7:
  *(u8 *)(r10 -25) = 0
  r1 = map connections
  r2 = r10
  r2 += 0xffffffc0
  call helper 1
  if r0 == 0x0 goto L10
  r9 = *(u64 *)(r0 +0)
  r1 = r9
  r1 &= 0x1
  r9 &= 0xfffffff8
  *(u8 *)(r7 +122) = r1
  *(u8 *)(r10 -25) = r1
  r3 = r9
  r3 += offsetof(nf_conn, tuplehash)
  r3 += 0x10
  r1 *= 0x38
  r3 += r1
  r1 = r10
  r1 += 0xffffff90
  r2 = 0x28
  call helper 113
  r1 = *(u64 *)(r10 -112)
  r2 = *(u64 *)(r10 -64)
  if r1 != r2 goto L10
  r1 = *(u64 *)(r10 -104)
  r2 = *(u64 *)(r10 -56)
  if r1 != r2 goto L10
  r1 = *(u64 *)(r10 -96)
  r2 = *(u64 *)(r10 -48)
  if r1 != r2 goto L10
  r1 = *(u64 *)(r10 -88)
  r2 = *(u64 *)(r10 -40)
  if r1 != r2 goto L10
  r1 = *(u64 *)(r10 -80)
  r2 = *(u64 *)(r10 -32)
  if r1 != r2 goto L10
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(net_device, nd_net)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  *(u64 *)(r10 -16) = r3
  r3 = r9
  r3 += offsetof(nf_conn, ct_net)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -24)
  r2 = *(u64 *)(r10 -16)
  if r1 != r2 goto L10
  r1 = exists(nf_conn, zone)
  if r1 == 0x0 goto L8
  r3 = r9
  r3 += offsetof(nf_conn, zone)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x4
  call helper 113
  r1 = *(u16 *)(r10 -24)
  if r1 == 0x0 goto L8
  r1 = *(u8 *)(r10 -21)
  r2 = *(u8 *)(r7 +122)
  r1 >>= r2
  if r1 & 0x1 goto L10
L8:
  r3 = r9
  r3 += offsetof(nf_conn, status)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -24)
  if r1 & 0x200 goto L10
  r1 &= 0x8
  if r1 == 0x0 goto L10
  r3 = r9
  r3 += offsetof(nf_conn, timeout)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x4
  call helper 113
  r1 = *(u32 *)(r10 -24)
  call helper 118
  r1 = *(u32 *)(r10 -24)
  w1 -= w0
  if w1 s< 0x1 goto L10
L9:
  goto L13
L10:
  if r8 != 0x88 goto L14
  *(u16 *)(r10 -48) = 0
  *(u16 *)(r10 -28) = 0
  r1 = map conntrack_table[0]+0
  r1 = *(u64 *)(r1 +0)
  if r1 == 0x0 goto L11
  *(u8 *)(r10 -25) = 0
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(net_device, nd_net)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  *(u64 *)(r10 -96) = r3
  *(u8 *)(r7 +122) = 0
  r1 = *(u8 *)(r7 +122)
  *(u64 *)(r10 -112) = r1
  *(u64 *)(r10 -104) = r1
  *(u64 *)(r10 -88) = r1
  *(u64 *)(r10 -80) = r1
  r1 = 0x100000
  r2 = &connection_step
  r3 = r10
  r3 += 0xffffff90
  r4 = 0x0
  call helper 181
  r9 = *(u64 *)(r10 -88)
  if r9 == 0x0 goto L14
  r1 = *(u64 *)(r10 -80)
  *(u8 *)(r7 +122) = r1
  goto L13
L11:
  *(u8 *)(r10 -25) = 0
  r1 = map connections
  r2 = r10
  r2 += 0xffffffc0
  call helper 1
  if r0 == 0x0 goto L14
  r9 = *(u64 *)(r0 +0)
  r1 = r9
  r1 &= 0x1
  r9 &= 0xfffffff8
  *(u8 *)(r7 +122) = r1
  *(u8 *)(r10 -25) = r1
  r3 = r9
  r3 += offsetof(nf_conn, tuplehash)
  r3 += 0x10
  r1 *= 0x38
  r3 += r1
  r1 = r10
  r1 += 0xffffff90
  r2 = 0x28
  call helper 113
  r1 = *(u64 *)(r10 -112)
  r2 = *(u64 *)(r10 -64)
  if r1 != r2 goto L14
  r1 = *(u64 *)(r10 -104)
  r2 = *(u64 *)(r10 -56)
  if r1 != r2 goto L14
  r1 = *(u64 *)(r10 -96)
  r2 = *(u64 *)(r10 -48)
  if r1 != r2 goto L14
  r1 = *(u64 *)(r10 -88)
  r2 = *(u64 *)(r10 -40)
  if r1 != r2 goto L14
  r1 = *(u64 *)(r10 -80)
  r2 = *(u64 *)(r10 -32)
  if r1 != r2 goto L14
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  r3 += offsetof(net_device, nd_net)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -24)
  *(u64 *)(r10 -16) = r3
  r3 = r9
  r3 += offsetof(nf_conn, ct_net)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -24)
  r2 = *(u64 *)(r10 -16)
  if r1 != r2 goto L14
  r1 = exists(nf_conn, zone)
  if r1 == 0x0 goto L12
  r3 = r9
  r3 += offsetof(nf_conn, zone)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x4
  call helper 113
  r1 = *(u16 *)(r10 -24)
  if r1 == 0x0 goto L12
  r1 = *(u8 *)(r10 -21)
  r2 = *(u8 *)(r7 +122)
  r1 >>= r2
  if r1 & 0x1 goto L14
L12:
  r3 = r9
  r3 += offsetof(nf_conn, status)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -24)
  if r1 & 0x200 goto L14
  r1 &= 0x8
  if r1 == 0x0 goto L14
  r3 = r9
  r3 += offsetof(nf_conn, timeout)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x4
  call helper 113
  r1 = *(u32 *)(r10 -24)
  call helper 118
  r1 = *(u32 *)(r10 -24)
  w1 -= w0
  if w1 s< 0x1 goto L14
L13:
  *(u8 *)(r7 +120) = 1
  r3 = r9
  r3 += offsetof(nf_conn, status)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -24)
  *(u32 *)(r7 +124) = r1
  r3 = r9
  r3 += offsetof(nf_conn, mark)
  r1 = r10
  r1 += 0xffffffe8
  r2 = 0x4
  call helper 113
  r1 = *(u32 *)(r10 -24)
  *(u32 *)(r7 +128) = r1
  r1 = *(u64 *)(r10 -8)
  if r1 != 0x0 goto L24
  goto L20
L14:
  r1 = *(u64 *)(r10 -8)
  if r1 != 0x0 goto L40
  if r8 == 0x84 goto L15
  if r8 != 0x3a goto L39
  r1 = *(u8 *)(r7 +40)
  if r1 == 0x80 goto L39
  if r1 == 0x8b goto L39
  goto L40
L15:
  r1 = exists(nf_ip_net, sctp)
  if r1 == 0x0 goto L39
  r2 = *(u32 *)(r7 +60)
  if r2 < 0x10 goto L40
  r1 = *(u16 *)(r7 +54)
  if r1 == 0x0 goto L40
  r1 = *(u8 *)(r7 +52)
  if r1 == 0x4 goto L39
  if r1 == 0x5 goto L39
  if r1 == 0x8 goto L39
  r3 = *(u32 *)(r7 +44)
  if r3 != 0x0 goto L40
  if r1 == 0x1 goto L16
  if r1 == 0x2 goto L16
  if r1 == 0x7 goto L39
  if r1 == 0x9 goto L39
  if r1 == 0xa goto L39
  goto L40
L16:
  if r2 < 0x20 goto L40
  goto L39
L17:
  if r2 < 0x14 goto L40
  r1 = *(u8 *)(r7 +52)
  r1 >>= 0x4
  r1 <<= 0x2
  if r1 < 0x14 goto L40
  if r1 > r2 goto L40
  r1 = *(u8 *)(r7 +53)
  r1 &= 0x37
  r2 = 0x3000400170014 ll
  r2 >>= r1
  r2 &= 0x1
  if r2 == 0x0 goto L40
  goto L19
L18:
  if r2 < 0x8 goto L40
  r1 = *(u16 *)(r7 +44)
  r1 = be16 r1
  if r1 < 0x8 goto L40
  if r1 > r2 goto L40
L19:
  r1 = *(u32 *)(r7 +8)
  *(u32 *)(r10 -64) = r1
  r1 = *(u32 *)(r7 +12)
  *(u32 *)(r10 -60) = r1
  r1 = *(u32 *)(r7 +16)
  *(u32 *)(r10 -56) = r1
  r1 = *(u32 *)(r7 +20)
  *(u32 *)(r10 -52) = r1
  r1 = *(u32 *)(r7 +24)
  *(u32 *)(r10 -48) = r1
  r1 = *(u32 *)(r7 +28)
  *(u32 *)(r10 -44) = r1
  r1 = *(u32 *)(r7 +32)
  *(u32 *)(r10 -40) = r1
  r1 = *(u32 *)(r7 +36)
  *(u32 *)(r10 -36) = r1
  r1 = *(u32 *)(r7 +40)
  *(u32 *)(r10 -32) = r1
  *(u32 *)(r10 -24) = -1
  *(u32 *)(r10 -20) = 0
  *(u32 *)(r10 -16) = 0
  *(u8 *)(r10 -16) = r8
  r1 = r6
  r2 = r10
  r2 += 0xffffffc0
  r3 = 0x24
  r4 = r10
  r4 += 0xffffffe8
  r5 = 0xc
  call bpf_xdp_ct_lookup
  if r0 == 0x0 goto L38
  r9 = r0
  *(u8 *)(r7 +120) = 1
  r1 = *(u64 *)(r9 + offsetof(nf_conn, status))
  *(u32 *)(r7 +124) = r1
  r1 = *(u32 *)(r9 + offsetof(nf_conn, mark))
  *(u32 *)(r7 +128) = r1
  r1 = *(u8 *)(r10 -15)
  *(u8 *)(r7 +122) = r1
  r1 = r9
  call bpf_ct_release
L20:
  r2 = 0x2
  r1 = *(u8 *)(r7 +122)
  if r1 != 0x0 goto L41
  r1 = *(u32 *)(r7 +124)
  if r1 & 0x2 goto L41
  r2 = 0x4
  if r1 & 0x1 goto L41
  r2 = 0x8
  goto L41
L21:
  if r2 < 0x8 goto L40
  r1 = *(u8 *)(r7 +40)
  if r1 >= 0x80 goto L37
  r8 = *(u16 *)(r7 +68)
  r8 += 0x8
  *(u64 *)(r10 -112) = 0
  *(u64 *)(r10 -104) = 0
  *(u64 *)(r10 -96) = 0
  *(u64 *)(r10 -88) = 0
  *(u64 *)(r10 -80) = 0
  *(u64 *)(r10 -72) = 0
  r2 = r8
  r2 += 0x28
  r1 = *(u32 *)(r7 +64)
  if r2 > r1 goto L40
  r2 -= 0x28
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  r3 = r10
  r3 += 0xffffff90
  r4 = 0x28
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L40
  r8 += 0x28
  r1 = *(u8 *)(r10 -106)
  if r1 == 0x6 goto L23
  if r1 == 0x11 goto L23
  r2 = r8
  r2 += 0x8
  r1 = *(u32 *)(r7 +64)
  if r2 > r1 goto L22
  r2 -= 0x8
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  r3 = r10
  r3 += 0xffffffb8
  r4 = 0x8
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L22
  r8 = *(u8 *)(r10 -106)
  goto L25
L22:
  *(u64 *)(r10 -72) = 0
  r8 = *(u8 *)(r10 -106)
  if r8 != 0x3a goto L25
  goto L40
L23:
  r2 = r8
  r2 += 0x4
  r1 = *(u32 *)(r7 +64)
  if r2 > r1 goto L40
  r2 -= 0x4
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  r3 = r10
  r3 += 0xffffffb8
  r4 = 0x4
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L40
  r8 = *(u8 *)(r10 -106)
  r1 = *(u32 *)(r10 -88)
  *(u32 *)(r10 -64) = r1
  r1 = *(u32 *)(r10 -104)
  *(u32 *)(r10 -48) = r1
  r1 = *(u32 *)(r10 -84)
  *(u32 *)(r10 -60) = r1
  r1 = *(u32 *)(r10 -100)
  *(u32 *)(r10 -44) = r1
  r1 = *(u32 *)(r10 -80)
  *(u32 *)(r10 -56) = r1
  r1 = *(u32 *)(r10 -96)
  *(u32 *)(r10 -40) = r1
  r1 = *(u32 *)(r10 -76)
  *(u32 *)(r10 -52) = r1
  r1 = *(u32 *)(r10 -92)
  *(u32 *)(r10 -36) = r1
  r1 = *(u16 *)(r10 -70)
  *(u16 *)(r10 -32) = r1
  r1 = *(u16 *)(r10 -72)
  *(u16 *)(r10 -30) = r1
  r1 = *(u32 *)(r10 -104)
  r2 = *(u32 *)(r7 +24)
  if r1 != r2 goto L40
  r1 = *(u32 *)(r10 -100)
  r2 = *(u32 *)(r7 +28)
  if r1 != r2 goto L40
  r1 = *(u32 *)(r10 -96)
  r2 = *(u32 *)(r7 +32)
  if r1 != r2 goto L40
  r1 = *(u32 *)(r10 -92)
  r2 = *(u32 *)(r7 +36)
  if r1 != r2 goto L40
  *(u32 *)(r10 -24) = -1
  *(u32 *)(r10 -20) = 0
  *(u32 *)(r10 -16) = 0
  *(u8 *)(r10 -16) = r8
  r1 = r6
  r2 = r10
  r2 += 0xffffffc0
  r3 = 0x24
  r4 = r10
  r4 += 0xffffffe8
  r5 = 0xc
  call bpf_xdp_ct_lookup
  if r0 == 0x0 goto L40
  r9 = r0
  *(u8 *)(r7 +120) = 1
  r1 = *(u64 *)(r9 + offsetof(nf_conn, status))
  *(u32 *)(r7 +124) = r1
  r1 = *(u32 *)(r9 + offsetof(nf_conn, mark))
  *(u32 *)(r7 +128) = r1
  r1 = *(u8 *)(r10 -15)
  *(u8 *)(r7 +122) = r1
  r1 = r9
  call bpf_ct_release
L24:
  r2 = 0x4
  goto L41
L25:
  r1 = *(u32 *)(r10 -104)
  r2 = *(u32 *)(r7 +24)
  if r1 != r2 goto L40
  r1 = *(u32 *)(r10 -100)
  r2 = *(u32 *)(r7 +28)
  if r1 != r2 goto L40
  r1 = *(u32 *)(r10 -96)
  r2 = *(u32 *)(r7 +32)
  if r1 != r2 goto L40
  r1 = *(u32 *)(r10 -92)
  r2 = *(u32 *)(r7 +36)
  if r1 != r2 goto L40
  *(u64 *)(r10 -64) = 0
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
  *(u64 *)(r10 -40) = 0
  *(u64 *)(r10 -32) = 0
  r1 = *(u32 *)(r10 -104)
  *(u32 *)(r10 -44) = r1
  r1 = *(u32 *)(r10 -88)
  *(u32 *)(r10 -64) = r1
  r1 = *(u32 *)(r10 -100)
  *(u32 *)(r10 -40) = r1
  r1 = *(u32 *)(r10 -84)
  *(u32 *)(r10 -60) = r1
  r1 = *(u32 *)(r10 -96)
  *(u32 *)(r10 -36) = r1
  r1 = *(u32 *)(r10 -80)
  *(u32 *)(r10 -56) = r1
  r1 = *(u32 *)(r10 -92)
  *(u32 *)(r10 -32) = r1
  r1 = *(u32 *)(r10 -76)
  *(u32 *)(r10 -52) = r1
  *(u16 *)(r10 -46) = 10
  *(u8 *)(r10 -26) = r8
  if r8 == 0x3a goto L30
  if r8 == 0x1 goto L40
  if r8 == 0x2f goto L29
  if r8 == 0x84 goto L26
  if r8 == 0x21 goto L27
  if r8 == 0x88 goto L28
  goto L36
L26:
  r1 = exists(nf_ip_net, sctp)
  if r1 == 0x0 goto L36
  goto L28
L27:
  r1 = exists(nf_ip_net, dccp)
  if r1 == 0x0 goto L36
L28:
  r1 = *(u16 *)(r10 -72)
  *(u16 *)(r10 -28) = r1
  r1 = *(u16 *)(r10 -70)
  *(u16 *)(r10 -48) = r1
  goto L36
L29:
  r1 = exists(nf_ip_net, gre)
  if r1 == 0x0 goto L36
  r1 = *(u8 *)(r10 -71)
  r1 &= 0x7
  if r1 != 0x1 goto L36
  r1 = *(u16 *)(r10 -70)
  r1 = be16 r1
  if r1 != 0x880b goto L40
  r1 = *(u16 *)(r10 -66)
  *(u16 *)(r10 -48) = r1
  goto L36
L30:
  r1 = *(u16 *)(r10 -68)
  *(u16 *)(r10 -48) = r1
  r1 = *(u16 *)(r10 -72)
  *(u16 *)(r10 -28) = r1
  r1 = *(u8 *)(r10 -72)
  if r1 != 0x80 goto L31
  r1 = 0x81
  goto L35
L31:
  if r1 != 0x81 goto L32
  r1 = 0x80
  goto L35
L32:
  if r1 != 0x8b goto L33
  r1 = 0x8c
  goto L35
L33:
  if r1 != 0x8c goto L34
  r1 = 0x8b
  goto L35
L34:
  goto L40
L35:
  *(u8 *)(r10 -28) = r1
L36:
  *(u64 *)(r10 -8) = 1
  goto L6
L37:
  r2 = 0x40
  if r1 == 0x82 goto L41
  if r1 == 0x83 goto L41
  if r1 == 0x84 goto L41
  if r1 == 0x85 goto L41
  if r1 == 0x86 goto L41
  if r1 == 0x87 goto L41
  if r1 == 0x88 goto L41
  if r1 == 0x89 goto L41
  if r1 == 0x8f goto L41
  goto L0
L38:
  if r8 != 0x6 goto L39
  r1 = *(u8 *)(r7 +53)
  r1 &= 0x17
  if r1 == 0x2 goto L39
  if r1 != 0x10 goto L40
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xffffffc0
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -64)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xffffffc0
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -64)
  r3 += offsetof(net_device, nd_net)
  r1 = r10
  r1 += 0xffffffc0
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -64)
  r3 += offsetof(net, ct)
  r3 += offsetof(netns_ct, nf_ct_proto)
  r3 += offsetof(nf_ip_net, tcp)
  r3 += offsetof(nf_tcp_net, tcp_loose)
  r1 = r10
  r1 += 0xffffffc0
  r2 = 0x1
  call helper 113
  r1 = *(u8 *)(r10 -64)
  if r1 == 0x0 goto L40
L39:
  *(u8 *)(r7 +120) = 1
  *(u8 *)(r7 +122) = 0
  *(u32 *)(r7 +124) = 0
  *(u32 *)(r7 +128) = 0
  *(u8 *)(r7 +123) = r8
  r2 = 0x8
  goto L41
L40:
  r2 = 0x1
L41:
  *(u8 *)(r7 +121) = r2
L42:
  r0 = 0x0
  exit

walk_ipv6_2: ; Chain
; walk the IPv6 extension headers
  r7 = r2
  r0 = 0x0
  if r7 == 0x0 goto L0
  r2 = *(u8 *)(r7 +6)
  *(u32 *)(r7 +84) = r2
  *(u32 *)(r7 +88) = 40
  *(u32 *)(r7 +96) = -1
  *(u64 *)(r10 -16) = r1
  *(u64 *)(r10 -8) = r7
  r1 = 0x2000
  r2 = &walk_ipv6_header_2
  r3 = r10
  r3 += 0xfffffff0
  r4 = 0x0
  call helper 181
  r0 = *(u32 *)(r7 +96)
L0:
  exit

bpfc_xdp: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
  *(u64 *)(r7 +0) = 0
  r2 = 0x0
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0xe
  if r4 <= r3 goto L0
  goto L59
L0:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r10 -56) = r3
  r3 = *(u32 *)(r1 +8)
  *(u32 *)(r10 -48) = r3
  r3 = *(u16 *)(r1 +12)
  *(u16 *)(r10 -44) = r3
  *(u8 *)(r7 +75) = 1
  r9 = *(u16 *)(r10 -44)
  r9 = be16 r9
  *(u32 *)(r7 +84) = 0
  r2 = *(u32 *)(r10 -56)
  r3 = *(u16 *)(r10 -52)
  r3 <<= 0x20
  r2 |= r3
  r1 = *(u32 *)(r6 +12)
  r4 = r1
  r4 >>= 0x6
  r4 += 0x1
  r4 <<= 0x30
  r4 |= r2
  r1 &= 0x3f
  r1 <<= 0x3
  r5 = map state[0]+0
  r5 += r1
  r1 = *(u64 *)(r5 +0)
  if r1 == r4 goto L4
  r8 = r2
  r0 = exists(bpf_rdonly_cast)
  if r0 == 0x0 goto L1
  r1 = r6
  call bpf_cast_to_kern_ctx
  r1 = *(u64 *)(r0 + offsetof(xdp_buff, rxq))
  r1 = *(u64 *)(r1 + offsetof(xdp_rxq_info, dev))
  r1 = *(u16 *)(r1 + offsetof(net_device, type))
  goto L2
L1:
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  r3 += offsetof(net_device, type)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x2
  call helper 113
  r1 = *(u16 *)(r10 -8)
L2:
  if r1 == 0x1 goto L3
  if r1 != 0x304 goto L16
L3:
  if r8 & 0x1 goto L4
  *(u64 *)(r7 +40) = r8
  r1 = r6
  r2 = r7
  call others
  if r0 == 0x1 goto L59
  *(u32 *)(r7 +84) = r0
L4:
  r8 = 0xe
  if r9 == 0x8100 goto L6
  if r9 == 0x88a8 goto L6
L5:
  *(u32 *)(r7 +76) = r8
  if r9 == 0x800 goto L18
  if r9 == 0x86dd goto L19
  goto L59
L6:
  r2 = r8
  if r2 > 0x7fff goto L7
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x4
  if r4 <= r3 goto L9
L7:
  r3 = r10
  r3 += 0xffffffc8
  r4 = 0x4
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L59
L8:
  goto L10
L9:
  r3 = *(u32 *)(r1 +0)
  *(u32 *)(r10 -56) = r3
  goto L8
L10:
  r9 = *(u16 *)(r10 -54)
  r9 = be16 r9
  r8 += 0x4
  if r9 == 0x8100 goto L11
  if r9 == 0x88a8 goto L11
  goto L5
L11:
  r2 = r8
  if r2 > 0x7fff goto L12
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x4
  if r4 <= r3 goto L14
L12:
  r3 = r10
  r3 += 0xffffffc8
  r4 = 0x4
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L59
L13:
  goto L15
L14:
  r3 = *(u32 *)(r1 +0)
  *(u32 *)(r10 -56) = r3
  goto L13
L15:
  r9 = *(u16 *)(r10 -54)
  r9 = be16 r9
  r8 += 0x4
  goto L5
L16:
  *(u8 *)(r7 +75) = 0
  *(u32 *)(r7 +76) = 0
  r9 = *(u8 *)(r10 -56)
  r9 >>= 0x4
  if r9 == 0x4 goto L18
  if r9 == 0x6 goto L17
  goto L59
L17:
  goto L19
L18:
  goto L59
; parse the IPv6 headers
L19:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L20
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x28
  if r4 <= r3 goto L22
L20:
  r3 = r7
  r3 += 0x0
  r4 = 0x28
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L59
L21:
  goto L23
L22:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u64 *)(r1 +16)
  *(u64 *)(r7 +16) = r3
  r3 = *(u64 *)(r1 +24)
  *(u64 *)(r7 +24) = r3
  r3 = *(u64 *)(r1 +32)
  *(u64 *)(r7 +32) = r3
  goto L21
L23:
  r1 = *(u8 *)(r7 +0)
  r1 >>= 0x4
  if r1 != 0x6 goto L59
  r2 = *(u16 *)(r7 +4)
  r2 = be16 r2
  r2 += 0x28
  *(u32 *)(r7 +64) = r2
  *(u16 *)(r7 +68) = 40
  *(u16 *)(r7 +70) = 0
  *(u8 *)(r7 +73) = 0
  r1 = *(u8 *)(r7 +6)
  *(u8 *)(r7 +72) = r1
  r8 = *(u32 *)(r7 +76)
  r1 = *(u32 *)(r7 +64)
  r8 += r1
  r0 = *(u32 *)(r6 +4)
  r1 = *(u32 *)(r6 +0)
  r0 -= r1
  if r8 <= r0 goto L24
  r1 = r6
  call helper 188
  if r8 > r0 goto L59
L24:
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
  r1 = *(u8 *)(r7 +6)
  if r1 == 0x0 goto L25
  if r1 == 0x2b goto L25
  if r1 == 0x2c goto L25
  if r1 == 0x33 goto L25
  if r1 != 0x3c goto L26
L25:
  r1 = r6
  r2 = r7
  call walk_ipv6
L26:
  r1 = *(u8 *)(r7 +73)
  if r1 != 0x0 goto L27
  r1 = *(u32 *)(r7 +64)
  r2 = *(u16 *)(r7 +68)
  if r1 < r2 goto L27
  r1 -= r2
  *(u32 *)(r7 +60) = r1
  goto L28
L27:
  *(u32 *)(r7 +60) = 0
; copy the transport header
L28:
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L29
  if r2 > 0x7fff goto L29
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 <= r3 goto L32
L29:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L31
  if r4 <= 0x14 goto L30
  r4 = 0x14
L30:
  r3 = r7
  r3 += 0x28
  r1 = r6
  call helper 189
L31:
  goto L33
L32:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L31
; interfaces, mark, packet type
L33:
  *(u32 *)(r7 +80) = 0
  r0 = exists(bpf_rdonly_cast)
  if r0 == 0x0 goto L34
  r1 = r6
  call bpf_cast_to_kern_ctx
  r1 = *(u64 *)(r0 + offsetof(xdp_buff, rxq))
  r8 = *(u64 *)(r1 + offsetof(xdp_rxq_info, dev))
  r3 = r8
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
  goto L35
L34:
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  r3 += offsetof(xdp_rxq_info, dev)
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r8 = *(u64 *)(r10 -8)
  r3 = r8
  r3 += offsetof(net_device, name)
  r1 = r7
  r1 += 0x68
  r2 = 0x10
  call helper 113
L35:
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
  if r0 == 0x0 goto L58
  r9 = r0
; ip6/filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L36
  goto L45
; ip6/filter/INPUT:2: -A INPUT -s ::1/128 ! -i lo -j DROP
L36:
  r1 = *(u64 *)(r7 +8)
  r2 = 0x0
  if r1 != r2 goto L37
  r1 = *(u64 *)(r7 +16)
  r2 = 0x100000000000000 ll
  if r1 != r2 goto L37
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L46
; ip6/filter/INPUT:3: -A INPUT -m rt --rt-type 0 -j DROP
L37:
  r1 = r6
  r2 = r7
  call walk_ipv6_2
  w0 = w0
  *(u64 *)(r10 -184) = r0
  r1 = *(u64 *)(r10 -184)
  if w1 == 0xffffffff goto L38
  if w1 == 0xfffffffe goto L44
  r1 += 0x4
  r2 = *(u32 *)(r7 +64)
  if r1 > r2 goto L44
  r2 = *(u64 *)(r10 -184)
  r2 += 0x1
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  *(u64 *)(r10 -192) = 0
  r3 = r10
  r3 += 0xffffff40
  r4 = 0x1
  r1 = r6
  call helper 189
  r1 = *(u64 *)(r10 -184)
  r2 = *(u8 *)(r10 -192)
  w2 += 0x1
  w2 <<= 0x3
  w1 += w2
  r2 = *(u32 *)(r7 +64)
  if w1 > w2 goto L44
  r2 = *(u64 *)(r10 -184)
  r2 += 0x2
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  *(u64 *)(r10 -192) = 0
  r3 = r10
  r3 += 0xffffff40
  r4 = 0x1
  r1 = r6
  call helper 189
  r1 = *(u8 *)(r10 -192)
  if w1 == 0x0 goto L47
; ip6/filter/INPUT:4: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L38:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x6
  w1 &= 0xff
  if w1 != 0x0 goto L48
; ip6/filter/INPUT:5: -A INPUT -p ipv6-icmp -j icmpv6-in
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L44
  r1 = *(u8 *)(r7 +72)
  if w1 == 0x3a goto L49
; ip6/filter/INPUT:6: -A INPUT -m conntrack --ctstate INVALID -j DROP
L39:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x1
  w1 &= 0xff
  if w1 != 0x0 goto L50
; ip6/filter/INPUT:7: -A INPUT -s fe80::/10 -j link-local
  r1 = *(u64 *)(r7 +8)
  r2 = 0xc0ff
  r1 &= r2
  r2 = 0x80fe
  if r1 != r2 goto L40
  goto L51
; ip6/filter/INPUT:8: -A INPUT -s 2001:db8:1::/48 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
L40:
  r1 = *(u64 *)(r7 +8)
  r2 = 0xffffffffffff ll
  r1 &= r2
  r2 = 0x100b80d0120 ll
  if r1 != r2 goto L41
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L44
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x6 goto L41
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L41
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L44
  r1 = *(u16 *)(r7 +42)
  if w1 != 0x1600 goto L41
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L52
; ip6/filter/INPUT:9: -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
L41:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L44
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x6 goto L43
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L43
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L44
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L42
  if w1 != 0xbb01 goto L43
L42:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L53
; ip6/filter/INPUT:10: -A INPUT -p udp -m udp --dport 33434:33523 -m hl --hl-lt 30 -j DROP
L43:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L44
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x11 goto L55
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L55
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L44
  r1 = *(u16 *)(r7 +42)
  r1 = be16 r1
  w1 -= 0x829a
  if w1 > 0x59 goto L55
  r1 = *(u8 *)(r7 +7)
  if w1 < 0x1e goto L54
  goto L55
; chain
L44:
  goto L58
; ip6/filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L45:
  r1 = *(u64 *)(r9 +256)
  r1 += 0x1
  *(u64 *)(r9 +256) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +264)
  r1 += r2
  *(u64 *)(r9 +264) = r1
  goto L57
; ip6/filter/INPUT:2: -A INPUT -s ::1/128 ! -i lo -j DROP
L46:
  r1 = *(u64 *)(r9 +272)
  r1 += 0x1
  *(u64 *)(r9 +272) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +280)
  r1 += r2
  *(u64 *)(r9 +280) = r1
  goto L58
; ip6/filter/INPUT:3: -A INPUT -m rt --rt-type 0 -j DROP
L47:
  r1 = *(u64 *)(r9 +288)
  r1 += 0x1
  *(u64 *)(r9 +288) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +296)
  r1 += r2
  *(u64 *)(r9 +296) = r1
  goto L58
; ip6/filter/INPUT:4: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L48:
  r1 = *(u64 *)(r9 +304)
  r1 += 0x1
  *(u64 *)(r9 +304) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +312)
  r1 += r2
  *(u64 *)(r9 +312) = r1
  goto L57
; ip6/filter/INPUT:5: -A INPUT -p ipv6-icmp -j icmpv6-in
L49:
  r1 = *(u64 *)(r9 +320)
  r1 += 0x1
  *(u64 *)(r9 +320) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +328)
  r1 += r2
  *(u64 *)(r9 +328) = r1
  r1 = r6
  r2 = r7
  call ip6_filter_icmpv6_in
  if w0 != 0x0 goto L56
  goto L39
; ip6/filter/INPUT:6: -A INPUT -m conntrack --ctstate INVALID -j DROP
L50:
  r1 = *(u64 *)(r9 +336)
  r1 += 0x1
  *(u64 *)(r9 +336) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +344)
  r1 += r2
  *(u64 *)(r9 +344) = r1
  goto L58
; ip6/filter/INPUT:7: -A INPUT -s fe80::/10 -j link-local
L51:
  r1 = *(u64 *)(r9 +352)
  r1 += 0x1
  *(u64 *)(r9 +352) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +360)
  r1 += r2
  *(u64 *)(r9 +360) = r1
  r1 = r6
  r2 = r7
  call ip6_filter_link_local
  if w0 != 0x0 goto L56
  goto L40
; ip6/filter/INPUT:8: -A INPUT -s 2001:db8:1::/48 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
L52:
  r1 = *(u64 *)(r9 +368)
  r1 += 0x1
  *(u64 *)(r9 +368) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +376)
  r1 += r2
  *(u64 *)(r9 +376) = r1
  goto L57
; ip6/filter/INPUT:9: -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
L53:
  r1 = *(u64 *)(r9 +384)
  r1 += 0x1
  *(u64 *)(r9 +384) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +392)
  r1 += r2
  *(u64 *)(r9 +392) = r1
  goto L57
; ip6/filter/INPUT:10: -A INPUT -p udp -m udp --dport 33434:33523 -m hl --hl-lt 30 -j DROP
L54:
  r1 = *(u64 *)(r9 +400)
  r1 += 0x1
  *(u64 *)(r9 +400) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +408)
  r1 += r2
  *(u64 *)(r9 +408) = r1
  goto L58
; ip6/filter/INPUT:policy: -P INPUT DROP
L55:
  r1 = *(u64 *)(r9 +416)
  r1 += 0x1
  *(u64 *)(r9 +416) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +424)
  r1 += r2
  *(u64 *)(r9 +424) = r1
  goto L58
; chain exit
L56:
  if w0 == 0x2 goto L58
L57:
  goto L59
; drop
L58:
  r0 = 0x1
  exit
; accept
L59:
  r0 = 0x2
  exit

walk_ipv6_header: ; LoopBody
; walk one IPv6 extension header
  r6 = *(u64 *)(r2 +0)
  r7 = *(u64 *)(r2 +8)
  r8 = *(u32 *)(r7 +88)
  r1 = *(u32 *)(r7 +84)
  if r1 == 0x0 goto L0
  if r1 == 0x2b goto L0
  if r1 == 0x2c goto L0
  if r1 == 0x33 goto L0
  if r1 == 0x3c goto L0
  goto L8
L0:
  *(u64 *)(r10 -8) = 0
  r2 = r8
  r2 += 0x2
  r1 = *(u32 *)(r7 +64)
  if r2 > r1 goto L7
  r2 -= 0x2
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  r3 = r10
  r3 += 0xfffffff8
  r4 = 0x2
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L7
  r1 = *(u32 *)(r7 +84)
  if r1 != 0x2b goto L1
  r2 = r8
  r2 += 0x4
  r3 = *(u32 *)(r7 +64)
  if r2 > r3 goto L7
L1:
  if r1 != 0x2c goto L3
  r2 = r8
  r2 += 0x4
  r1 = *(u32 *)(r7 +64)
  if r2 > r1 goto L7
  r2 -= 0x2
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  r3 = r10
  r3 += 0xfffffffa
  r4 = 0x2
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L7
  r1 = *(u16 *)(r10 -6)
  r1 = be16 r1
  r1 >>= 0x3
  if r1 == 0x0 goto L2
  r2 = *(u8 *)(r10 -8)
  if r2 == 0x0 goto L7
  if r2 == 0x2b goto L7
  if r2 == 0x2c goto L7
  if r2 == 0x33 goto L7
  if r2 == 0x3c goto L7
  *(u16 *)(r7 +70) = r1
  *(u32 *)(r7 +84) = r2
  r8 = 0x0
  goto L8
L2:
  r1 = *(u32 *)(r7 +84)
L3:
  r2 = *(u8 *)(r10 -7)
  if r1 == 0x33 goto L4
  if r1 == 0x2c goto L5
  r2 += 0x1
  r2 <<= 0x3
  goto L6
L4:
  r2 += 0x2
  r2 <<= 0x2
  goto L6
L5:
  r2 = 0x8
L6:
  r8 += r2
  *(u32 *)(r7 +88) = r8
  r1 = *(u8 *)(r10 -8)
  *(u32 *)(r7 +84) = r1
  r0 = 0x0
  exit
L7:
  *(u8 *)(r7 +73) = 1
  goto L10
L8:
  r1 = *(u32 *)(r7 +84)
  *(u8 *)(r7 +72) = r1
  if r8 <= 0xffff goto L9
  r8 = 0xffff
L9:
  *(u16 *)(r7 +68) = r8
L10:
  r0 = 0x1
  exit

bpfc_companion: ; Main
; note the connection
  r6 = r1
  r1 = r6
  call bpf_cast_to_kern_ctx
  r1 = r0
  r8 = *(u64 *)(r1 + offsetof(sk_buff, _nfct))
  r8 &= 0xfffffff8
  if r8 == 0x0 goto L5
  *(u64 *)(r10 -56) = r8
  r1 = r10
  r1 += 0xffffffc8
  r2 = btf_id(nf_ct_event)
  call bpf_rdonly_cast
  r9 = *(u64 *)(r0 + offsetof(nf_ct_event, ct))
  r1 = r9
  r1 += offsetof(nf_conn, tuplehash)
  r1 = *(u8 *)(r1 +54)
  if r1 == 0x6 goto L5
  if r1 == 0x11 goto L5
  r1 = exists(nf_conn, zone)
  if r1 == 0x0 goto L0
  r1 = *(u16 *)(r9 + offsetof(nf_conn, zone))
  if r1 == 0x0 goto L0
  r1 = r9
  r1 += offsetof(nf_conn, zone)
  r1 = *(u8 *)(r1 +3)
  if r1 & 0x1 goto L2
L0:
  r3 = r9
  r3 += offsetof(nf_conn, tuplehash)
  r3 += 0x10
  r1 = r10
  r1 += 0xffffffd8
  r2 = 0x28
  call helper 113
  *(u8 *)(r10 -1) = 0
  r1 = r8
  r1 |= 0x0
  *(u64 *)(r10 -48) = r1
  r1 = map connections
  r2 = r10
  r2 += 0xffffffd8
  call helper 1
  if r0 == 0x0 goto L1
  r1 = *(u64 *)(r0 +0)
  r2 = *(u64 *)(r10 -48)
  if r1 == r2 goto L2
L1:
  r1 = map connections
  r2 = r10
  r2 += 0xffffffd8
  r3 = r10
  r3 += 0xffffffd0
  r4 = 0x0
  call helper 2
L2:
  r1 = exists(nf_conn, zone)
  if r1 == 0x0 goto L3
  r1 = *(u16 *)(r9 + offsetof(nf_conn, zone))
  if r1 == 0x0 goto L3
  r1 = r9
  r1 += offsetof(nf_conn, zone)
  r1 = *(u8 *)(r1 +3)
  if r1 & 0x2 goto L5
L3:
  r3 = r9
  r3 += offsetof(nf_conn, tuplehash)
  r3 += 0x48
  r1 = r10
  r1 += 0xffffffd8
  r2 = 0x28
  call helper 113
  *(u8 *)(r10 -1) = 0
  r1 = r8
  r1 |= 0x1
  *(u64 *)(r10 -48) = r1
  r1 = map connections
  r2 = r10
  r2 += 0xffffffd8
  call helper 1
  if r0 == 0x0 goto L4
  r1 = *(u64 *)(r0 +0)
  r2 = *(u64 *)(r10 -48)
  if r1 == r2 goto L5
L4:
  r1 = map connections
  r2 = r10
  r2 += 0xffffffd8
  r3 = r10
  r3 += 0xffffffd0
  r4 = 0x0
  call helper 2
L5:
  r0 = 0xffffffff
  exit

connection_step: ; LoopBody
; look at one entry of conntrack's table
  r6 = r2
  r8 = *(u64 *)(r6 +0)
  if r8 != 0x0 goto L2
  r3 = map conntrack_table[0]+24
  r3 = *(u64 *)(r3 +0)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x4
  call helper 113
  r9 = *(u32 *)(r10 -80)
  if r9 & 0x1 goto L5
  r3 = map conntrack_table[0]+0
  r3 = *(u64 *)(r3 +0)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x8
  call helper 113
  r8 = *(u64 *)(r10 -80)
  r3 = map conntrack_table[0]+8
  r3 = *(u64 *)(r3 +0)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x4
  call helper 113
  r7 = *(u32 *)(r10 -80)
  r3 = map conntrack_table[0]+24
  r3 = *(u64 *)(r3 +0)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x4
  call helper 113
  r1 = *(u32 *)(r10 -80)
  if r1 != r9 goto L5
  if r8 == 0x0 goto L6
  r3 = map conntrack_table[0]+16
  r3 = *(u64 *)(r3 +0)
  r1 = r10
  r1 += 0xffffffb8
  r2 = 0x10
  call helper 113
  r3 = *(u64 *)(r6 +16)
  r3 += offsetof(net, hash_mix)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x4
  call helper 113
  r9 = *(u32 *)(r10 -80)
  r1 = exists(nf_conntrack_tuple, dst.__nfct_hash_offsetend)
  if r1 == 0x0 goto L0
  r1 = *(u64 *)(r10 -64)
  r1 ^= r9
  *(u64 *)(r10 -64) = r1
  r1 = *(u64 *)(r6 +48)
  *(u64 *)(r10 -56) = r1
  r1 = *(u64 *)(r6 +56)
  *(u64 *)(r10 -48) = r1
  r1 = *(u64 *)(r6 +64)
  *(u64 *)(r10 -40) = r1
  r1 = *(u64 *)(r6 +72)
  *(u64 *)(r10 -32) = r1
  r1 = *(u64 *)(r6 +80)
  r2 = 0x2700000000000000 ll
  r1 |= r2
  *(u64 *)(r10 -24) = r1
  r1 = 0x736f6d6570736575 ll
  r0 = *(u64 *)(r10 -72)
  r1 ^= r0
  r2 = 0x646f72616e646f6d ll
  r0 = *(u64 *)(r10 -64)
  r2 ^= r0
  r3 = 0x6c7967656e657261 ll
  r0 = *(u64 *)(r10 -72)
  r3 ^= r0
  r4 = 0x7465646279746573 ll
  r0 = *(u64 *)(r10 -64)
  r4 ^= r0
  r0 = *(u64 *)(r10 -56)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -48)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -40)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -32)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -24)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r3 ^= 0xff
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r2
  r1 ^= r3
  r1 ^= r4
  goto L1
L0:
  r1 = *(u64 *)(r6 +48)
  *(u64 *)(r10 -56) = r1
  r1 = *(u64 *)(r6 +56)
  *(u64 *)(r10 -48) = r1
  r1 = *(u64 *)(r6 +64)
  *(u64 *)(r10 -40) = r1
  r1 = *(u64 *)(r6 +72)
  *(u64 *)(r10 -32) = r1
  r1 = *(u32 *)(r6 +80)
  *(u64 *)(r10 -24) = r1
  r1 = *(u8 *)(r6 +86)
  r1 <<= 0x10
  r2 = *(u16 *)(r6 +84)
  r1 |= r2
  r1 <<= 0x20
  r1 |= r9
  *(u64 *)(r10 -16) = r1
  r1 = 0x3000000000000000 ll
  *(u64 *)(r10 -8) = r1
  r1 = 0x736f6d6570736575 ll
  r0 = *(u64 *)(r10 -72)
  r1 ^= r0
  r2 = 0x646f72616e646f6d ll
  r0 = *(u64 *)(r10 -64)
  r2 ^= r0
  r3 = 0x6c7967656e657261 ll
  r0 = *(u64 *)(r10 -72)
  r3 ^= r0
  r4 = 0x7465646279746573 ll
  r0 = *(u64 *)(r10 -64)
  r4 ^= r0
  r0 = *(u64 *)(r10 -56)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -48)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -40)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -32)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -24)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -16)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r0 = *(u64 *)(r10 -8)
  r4 ^= r0
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r0
  r3 ^= 0xff
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 += r2
  r5 = r2
  r2 <<= 0xd
  r5 >>= 0x33
  r2 |= r5
  r2 ^= r1
  r5 = r1
  r1 <<= 0x20
  r5 >>= 0x20
  r1 |= r5
  r3 += r4
  r5 = r4
  r4 <<= 0x10
  r5 >>= 0x30
  r4 |= r5
  r4 ^= r3
  r1 += r4
  r5 = r4
  r4 <<= 0x15
  r5 >>= 0x2b
  r4 |= r5
  r4 ^= r1
  r3 += r2
  r5 = r2
  r2 <<= 0x11
  r5 >>= 0x2f
  r2 |= r5
  r2 ^= r3
  r5 = r3
  r3 <<= 0x20
  r5 >>= 0x20
  r3 |= r5
  r1 ^= r2
  r1 ^= r3
  r1 ^= r4
L1:
  w1 = w1
  r1 *= r7
  r1 >>= 0x20
  *(u64 *)(r6 +8) = r1
  r1 <<= 0x3
  r3 = r8
  r3 += r1
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -80)
  if r1 == 0x0 goto L6
  *(u64 *)(r6 +0) = r1
  goto L5
L2:
  if r8 & 0x1 goto L4
  r3 = r8
  r1 = r10
  r1 += 0xffffffc8
  r2 = 0x38
  call helper 113
  r1 = *(u64 *)(r10 -56)
  *(u64 *)(r6 +0) = r1
  r1 = *(u64 *)(r10 -40)
  r2 = *(u64 *)(r6 +48)
  r1 ^= r2
  if r1 != 0x0 goto L5
  r1 = *(u64 *)(r10 -32)
  r2 = *(u64 *)(r6 +56)
  r1 ^= r2
  if r1 != 0x0 goto L5
  r1 = *(u64 *)(r10 -24)
  r2 = *(u64 *)(r6 +64)
  r1 ^= r2
  if r1 != 0x0 goto L5
  r1 = *(u64 *)(r10 -16)
  r2 = *(u64 *)(r6 +72)
  r1 ^= r2
  if r1 != 0x0 goto L5
  r1 = *(u64 *)(r10 -8)
  r2 = *(u64 *)(r6 +80)
  r1 ^= r2
  r1 <<= 0x8
  if r1 != 0x0 goto L5
  r7 = *(u8 *)(r10 -1)
  if r7 > 0x1 goto L5
  r9 = r8
  r1 = 0x0
  r1 += offsetof(nf_conn, tuplehash)
  r9 -= r1
  r1 = r7
  r1 *= 0x38
  r9 -= r1
  r3 = r9
  r3 += offsetof(nf_conn, ct_net)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -80)
  r2 = *(u64 *)(r6 +16)
  if r1 != r2 goto L5
  r1 = exists(nf_conn, zone)
  if r1 == 0x0 goto L3
  r3 = r9
  r3 += offsetof(nf_conn, zone)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x4
  call helper 113
  r1 = *(u16 *)(r10 -80)
  if r1 == 0x0 goto L3
  r1 = *(u8 *)(r10 -77)
  r2 = *(u8 *)(r10 -1)
  r1 >>= r2
  if r1 & 0x1 goto L5
L3:
  r3 = r9
  r3 += offsetof(nf_conn, status)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -80)
  if r1 & 0x200 goto L5
  r1 &= 0x8
  if r1 == 0x0 goto L5
  r3 = r9
  r3 += offsetof(nf_conn, timeout)
  r1 = r10
  r1 += 0xffffffb0
  r2 = 0x4
  call helper 113
  r1 = *(u32 *)(r10 -80)
  call helper 118
  r1 = *(u32 *)(r10 -80)
  w1 -= w0
  if w1 s< 0x1 goto L5
  *(u64 *)(r6 +24) = r9
  *(u64 *)(r6 +32) = r7
  goto L6
L4:
  r8 >>= 0x1
  r1 = *(u64 *)(r6 +8)
  if r1 == r8 goto L6
  *(u64 *)(r6 +0) = 0
L5:
  r0 = 0x0
  exit
L6:
  r0 = 0x1
  exit

walk_ipv6_header_2: ; LoopBody
; walk one IPv6 extension header
  r6 = *(u64 *)(r2 +0)
  r7 = *(u64 *)(r2 +8)
  r8 = *(u32 *)(r7 +88)
  r1 = *(u32 *)(r7 +84)
  if r1 == 0x0 goto L0
  if r1 == 0x2b goto L0
  if r1 == 0x2c goto L0
  if r1 == 0x33 goto L0
  if r1 == 0x3c goto L0
  if r1 == 0x2b goto L7
  goto L8
L0:
  *(u64 *)(r10 -8) = 0
  r2 = r8
  r2 += 0x2
  r1 = *(u32 *)(r7 +64)
  if r2 > r1 goto L6
  r2 -= 0x2
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  r3 = r10
  r3 += 0xfffffff8
  r4 = 0x2
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L6
  r1 = *(u32 *)(r7 +84)
  if r1 != 0x2b goto L1
  r2 = r8
  r2 += 0x4
  r3 = *(u32 *)(r7 +64)
  if r2 > r3 goto L6
L1:
  if r1 != 0x2c goto L2
  r2 = r8
  r2 += 0x4
  r1 = *(u32 *)(r7 +64)
  if r2 > r1 goto L6
  r2 -= 0x2
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  r3 = r10
  r3 += 0xfffffffa
  r4 = 0x2
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L6
  r1 = *(u16 *)(r10 -6)
  r1 = be16 r1
  r1 >>= 0x3
  if r1 != 0x0 goto L8
  r1 = *(u32 *)(r7 +84)
L2:
  if r1 == 0x2b goto L7
  r2 = *(u8 *)(r10 -7)
  if r1 == 0x33 goto L3
  if r1 == 0x2c goto L4
  r2 += 0x1
  r2 <<= 0x3
  goto L5
L3:
  r2 += 0x2
  r2 <<= 0x2
  goto L5
L4:
  r2 = 0x8
L5:
  r8 += r2
  *(u32 *)(r7 +88) = r8
  r1 = *(u8 *)(r10 -8)
  *(u32 *)(r7 +84) = r1
  r0 = 0x0
  exit
L6:
  *(u32 *)(r7 +96) = -2
  goto L8
L7:
  *(u32 *)(r7 +96) = r8
L8:
  r0 = 0x1
  exit
