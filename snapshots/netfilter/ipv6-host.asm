map counters PerCpuArray key 4 value 464 entries 1
program bpfc_input6 Netfilter { family: Ipv6, hook: Input, priority: -10 } entry bpfc_input6
program bpfc_forward6 Netfilter { family: Ipv6, hook: Forward, priority: -10 } entry bpfc_forward6
program bpfc_output6 Netfilter { family: Ipv6, hook: Output, priority: -10 } entry bpfc_output6

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
  r1 = 0x1
  lock *(u64 *)(r9 +0) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +8) += r1
  r0 = 0x1
  exit
; ip6/filter/link-local:2: -A link-local -d ff02::fb/128 -p udp -m udp --dport 5353 -j ACCEPT
L3:
  r1 = 0x1
  lock *(u64 *)(r9 +16) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +24) += r1
  r0 = 0x1
  exit
; ip6/filter/link-local:3: -A link-local -j RETURN
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +32) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +40) += r1
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
  r1 = 0x1
  lock *(u64 *)(r9 +48) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +56) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:2: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 2 -j ACCEPT
L13:
  r1 = 0x1
  lock *(u64 *)(r9 +64) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +72) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:3: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 3 -j ACCEPT
L14:
  r1 = 0x1
  lock *(u64 *)(r9 +80) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +88) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:4: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 4 -j ACCEPT
L15:
  r1 = 0x1
  lock *(u64 *)(r9 +96) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +104) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:5: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT
L16:
  r1 = 0x1
  lock *(u64 *)(r9 +112) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +120) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:6: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 133 -m hl --hl-eq 255 -j ACCEPT
L17:
  r1 = 0x1
  lock *(u64 *)(r9 +128) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +136) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:7: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 134 -m hl --hl-eq 255 -j ACCEPT
L18:
  r1 = 0x1
  lock *(u64 *)(r9 +144) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +152) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:8: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 135 -m hl --hl-eq 255 -j ACCEPT
L19:
  r1 = 0x1
  lock *(u64 *)(r9 +160) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +168) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:9: -A icmpv6-in -p ipv6-icmp -m icmp6 --icmpv6-type 136 -m hl --hl-eq 255 -j ACCEPT
L20:
  r1 = 0x1
  lock *(u64 *)(r9 +176) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +184) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:10: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 130 -j ACCEPT
L21:
  r1 = 0x1
  lock *(u64 *)(r9 +192) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +200) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:11: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 131 -j ACCEPT
L22:
  r1 = 0x1
  lock *(u64 *)(r9 +208) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +216) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:12: -A icmpv6-in -s fe80::/10 -p ipv6-icmp -m icmp6 --icmpv6-type 132 -j ACCEPT
L23:
  r1 = 0x1
  lock *(u64 *)(r9 +224) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +232) += r1
  r0 = 0x1
  exit
; ip6/filter/icmpv6-in:13: -A icmpv6-in -j DROP
L24:
  r1 = 0x1
  lock *(u64 *)(r9 +240) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +248) += r1
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

find_connection: ; Chain
; find the connection
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L3
  *(u8 *)(r7 +120) = 0
  r1 = *(u64 *)(r6 +8)
  r8 = *(u64 *)(r1 + offsetof(sk_buff, _nfct))
  r1 = r8
  r1 &= 0xfffffff8
  if r1 != 0x0 goto L1
  if r8 == 0x7 goto L0
  *(u8 *)(r7 +121) = 1
  goto L3
L0:
  *(u8 *)(r7 +121) = 64
  goto L3
L1:
  *(u64 *)(r10 -8) = r1
  r1 = r10
  r1 += 0xfffffff8
  r2 = btf_id(nf_ct_event)
  call bpf_rdonly_cast
  r9 = *(u64 *)(r0 + offsetof(nf_ct_event, ct))
  r8 &= 0x7
  *(u8 *)(r7 +122) = 0
  if r8 < 0x3 goto L2
  *(u8 *)(r7 +122) = 1
  r8 -= 0x3
L2:
  r1 = 0x2
  r1 <<= r8
  *(u8 *)(r7 +121) = r1
  *(u8 *)(r7 +120) = 1
  r1 = *(u64 *)(r9 + offsetof(nf_conn, status))
  *(u32 *)(r7 +124) = r1
  r1 = *(u32 *)(r9 + offsetof(nf_conn, mark))
  *(u32 *)(r7 +128) = r1
L3:
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

fetch: ; Static { arguments: 4 }
; fetch bytes of the packet
  r6 = r1
  *(u64 *)(r10 -32) = r2
  *(u64 *)(r10 -24) = r3
  *(u64 *)(r10 -16) = r4
  r1 = *(u64 *)(r6 +8)
  r2 = 0x0
  r3 = r10
  r3 += 0xffffffd0
  call bpf_dynptr_from_skb
  r1 = *(u64 *)(r10 -24)
  r2 = *(u64 *)(r10 -16)
  r3 = r10
  r3 += 0xffffffd0
  r4 = *(u64 *)(r10 -32)
  r5 = 0x0
  call helper 201
  exit

bpfc_input6: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  goto L0
; parse the IPv6 headers
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L2
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x28
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
  r4 = 0x28
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
  if r0 != 0x0 goto L40
L3:
  goto L5
L4:
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
  goto L3
L5:
  r1 = *(u8 *)(r7 +0)
  r1 >>= 0x4
  if r1 != 0x6 goto L40
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
  r1 = *(u64 *)(r6 +8)
  r1 = *(u32 *)(r1 + offsetof(sk_buff, len))
  if r8 > r1 goto L40
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
  r1 = *(u8 *)(r7 +6)
  if r1 == 0x0 goto L6
  if r1 == 0x2b goto L6
  if r1 == 0x2c goto L6
  if r1 == 0x33 goto L6
  if r1 != 0x3c goto L7
L6:
  r1 = r6
  r2 = r7
  call walk_ipv6
L7:
  r1 = *(u8 *)(r7 +73)
  if r1 != 0x0 goto L8
  r1 = *(u32 *)(r7 +64)
  r2 = *(u16 *)(r7 +68)
  if r1 < r2 goto L8
  r1 -= r2
  *(u32 *)(r7 +60) = r1
  goto L9
L8:
  *(u32 *)(r7 +60) = 0
; copy the transport header
L9:
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L11
  if r2 > 0x7fff goto L11
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L10
  goto L11
L10:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L14
L11:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L13
  if r4 <= 0x14 goto L12
  r4 = 0x14
L12:
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
L13:
  goto L15
L14:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L13
; interfaces, mark, packet type
L15:
  *(u64 *)(r7 +104) = 0
  *(u64 *)(r7 +112) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, in))
  if r9 == 0x0 goto L16
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
L16:
  r8 = *(u64 *)(r6 +8)
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
  if r0 == 0x0 goto L39
  r9 = r0
; ip6/filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L17
  goto L26
; ip6/filter/INPUT:2: -A INPUT -s ::1/128 ! -i lo -j DROP
L17:
  r1 = *(u64 *)(r7 +8)
  r2 = 0x0
  if r1 != r2 goto L18
  r1 = *(u64 *)(r7 +16)
  r2 = 0x100000000000000 ll
  if r1 != r2 goto L18
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L27
; ip6/filter/INPUT:3: -A INPUT -m rt --rt-type 0 -j DROP
L18:
  r1 = r6
  r2 = r7
  call walk_ipv6_2
  w0 = w0
  *(u64 *)(r10 -184) = r0
  r1 = *(u64 *)(r10 -184)
  if w1 == 0xffffffff goto L19
  if w1 == 0xfffffffe goto L25
  r1 += 0x4
  r2 = *(u32 *)(r7 +64)
  if r1 > r2 goto L25
  r2 = *(u64 *)(r10 -184)
  r2 += 0x1
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  *(u64 *)(r10 -192) = 0
  r3 = r10
  r3 += 0xffffff40
  r4 = 0x1
  r1 = r6
  call fetch
  r1 = *(u64 *)(r10 -184)
  r2 = *(u8 *)(r10 -192)
  w2 += 0x1
  w2 <<= 0x3
  w1 += w2
  r2 = *(u32 *)(r7 +64)
  if w1 > w2 goto L25
  r2 = *(u64 *)(r10 -184)
  r2 += 0x2
  r1 = *(u32 *)(r7 +76)
  r2 += r1
  *(u64 *)(r10 -192) = 0
  r3 = r10
  r3 += 0xffffff40
  r4 = 0x1
  r1 = r6
  call fetch
  r1 = *(u8 *)(r10 -192)
  if w1 == 0x0 goto L28
; ip6/filter/INPUT:4: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L19:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x6
  w1 &= 0xff
  if w1 != 0x0 goto L29
; ip6/filter/INPUT:5: -A INPUT -p ipv6-icmp -j icmpv6-in
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L25
  r1 = *(u8 *)(r7 +72)
  if w1 == 0x3a goto L30
; ip6/filter/INPUT:6: -A INPUT -m conntrack --ctstate INVALID -j DROP
L20:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x1
  w1 &= 0xff
  if w1 != 0x0 goto L31
; ip6/filter/INPUT:7: -A INPUT -s fe80::/10 -j link-local
  r1 = *(u64 *)(r7 +8)
  r2 = 0xc0ff
  r1 &= r2
  r2 = 0x80fe
  if r1 != r2 goto L21
  goto L32
; ip6/filter/INPUT:8: -A INPUT -s 2001:db8:1::/48 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
L21:
  r1 = *(u64 *)(r7 +8)
  r2 = 0xffffffffffff ll
  r1 &= r2
  r2 = 0x100b80d0120 ll
  if r1 != r2 goto L22
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L25
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x6 goto L22
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L22
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L25
  r1 = *(u16 *)(r7 +42)
  if w1 != 0x1600 goto L22
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L33
; ip6/filter/INPUT:9: -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
L22:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L25
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x6 goto L24
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L24
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L25
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L23
  if w1 != 0xbb01 goto L24
L23:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L34
; ip6/filter/INPUT:10: -A INPUT -p udp -m udp --dport 33434:33523 -m hl --hl-lt 30 -j DROP
L24:
  r1 = *(u8 *)(r7 +73)
  if w1 != 0x0 goto L25
  r1 = *(u8 *)(r7 +72)
  if w1 != 0x11 goto L36
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L36
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L25
  r1 = *(u16 *)(r7 +42)
  r1 = be16 r1
  w1 -= 0x829a
  if w1 > 0x59 goto L36
  r1 = *(u8 *)(r7 +7)
  if w1 < 0x1e goto L35
  goto L36
; chain
L25:
  goto L39
; ip6/filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L26:
  r1 = 0x1
  lock *(u64 *)(r9 +256) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +264) += r1
  goto L38
; ip6/filter/INPUT:2: -A INPUT -s ::1/128 ! -i lo -j DROP
L27:
  r1 = 0x1
  lock *(u64 *)(r9 +272) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +280) += r1
  goto L39
; ip6/filter/INPUT:3: -A INPUT -m rt --rt-type 0 -j DROP
L28:
  r1 = 0x1
  lock *(u64 *)(r9 +288) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +296) += r1
  goto L39
; ip6/filter/INPUT:4: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L29:
  r1 = 0x1
  lock *(u64 *)(r9 +304) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +312) += r1
  goto L38
; ip6/filter/INPUT:5: -A INPUT -p ipv6-icmp -j icmpv6-in
L30:
  r1 = 0x1
  lock *(u64 *)(r9 +320) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +328) += r1
  r1 = r6
  r2 = r7
  call ip6_filter_icmpv6_in
  if w0 != 0x0 goto L37
  goto L20
; ip6/filter/INPUT:6: -A INPUT -m conntrack --ctstate INVALID -j DROP
L31:
  r1 = 0x1
  lock *(u64 *)(r9 +336) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +344) += r1
  goto L39
; ip6/filter/INPUT:7: -A INPUT -s fe80::/10 -j link-local
L32:
  r1 = 0x1
  lock *(u64 *)(r9 +352) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +360) += r1
  r1 = r6
  r2 = r7
  call ip6_filter_link_local
  if w0 != 0x0 goto L37
  goto L21
; ip6/filter/INPUT:8: -A INPUT -s 2001:db8:1::/48 -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
L33:
  r1 = 0x1
  lock *(u64 *)(r9 +368) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +376) += r1
  goto L38
; ip6/filter/INPUT:9: -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -j ACCEPT
L34:
  r1 = 0x1
  lock *(u64 *)(r9 +384) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +392) += r1
  goto L38
; ip6/filter/INPUT:10: -A INPUT -p udp -m udp --dport 33434:33523 -m hl --hl-lt 30 -j DROP
L35:
  r1 = 0x1
  lock *(u64 *)(r9 +400) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +408) += r1
  goto L39
; ip6/filter/INPUT:policy: -P INPUT DROP
L36:
  r1 = 0x1
  lock *(u64 *)(r9 +416) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +424) += r1
  goto L39
; chain exit
L37:
  if w0 == 0x2 goto L39
L38:
  goto L40
; drop
L39:
  r0 = 0x0
  exit
; accept
L40:
  r0 = 0x1
  exit

bpfc_forward6: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  goto L0
; parse the IPv6 headers
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L2
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x28
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
  r4 = 0x28
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
  if r0 != 0x0 goto L18
L3:
  goto L5
L4:
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
  goto L3
L5:
  r1 = *(u8 *)(r7 +0)
  r1 >>= 0x4
  if r1 != 0x6 goto L18
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
  r1 = *(u64 *)(r6 +8)
  r1 = *(u32 *)(r1 + offsetof(sk_buff, len))
  if r8 > r1 goto L18
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
  r1 = *(u8 *)(r7 +6)
  if r1 == 0x0 goto L6
  if r1 == 0x2b goto L6
  if r1 == 0x2c goto L6
  if r1 == 0x33 goto L6
  if r1 != 0x3c goto L7
L6:
  r1 = r6
  r2 = r7
  call walk_ipv6
L7:
  r1 = *(u8 *)(r7 +73)
  if r1 != 0x0 goto L8
  r1 = *(u32 *)(r7 +64)
  r2 = *(u16 *)(r7 +68)
  if r1 < r2 goto L8
  r1 -= r2
  *(u32 *)(r7 +60) = r1
  goto L9
L8:
  *(u32 *)(r7 +60) = 0
; copy the transport header
L9:
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L11
  if r2 > 0x7fff goto L11
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L10
  goto L11
L10:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L14
L11:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L13
  if r4 <= 0x14 goto L12
  r4 = 0x14
L12:
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
L13:
  goto L15
L14:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L13
; interfaces, mark, packet type
L15:
  *(u64 *)(r7 +104) = 0
  *(u64 *)(r7 +112) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, in))
  if r9 == 0x0 goto L16
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
L16:
  r8 = *(u64 *)(r6 +8)
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
  if r0 == 0x0 goto L17
  r9 = r0
; ip6/filter/FORWARD:policy: -P FORWARD DROP
  r1 = 0x1
  lock *(u64 *)(r9 +432) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +440) += r1
  goto L17
; drop
L17:
  r0 = 0x0
  exit
; accept
L18:
  r0 = 0x1
  exit

bpfc_output6: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  goto L0
; parse the IPv6 headers
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L2
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x28
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
  r4 = 0x28
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
  if r0 != 0x0 goto L19
L3:
  goto L5
L4:
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
  goto L3
L5:
  r1 = *(u8 *)(r7 +0)
  r1 >>= 0x4
  if r1 != 0x6 goto L19
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
  r1 = *(u64 *)(r6 +8)
  r1 = *(u32 *)(r1 + offsetof(sk_buff, len))
  if r8 > r1 goto L19
  *(u64 *)(r10 -56) = 0
  *(u64 *)(r10 -48) = 0
  r1 = *(u8 *)(r7 +6)
  if r1 == 0x0 goto L6
  if r1 == 0x2b goto L6
  if r1 == 0x2c goto L6
  if r1 == 0x33 goto L6
  if r1 != 0x3c goto L7
L6:
  r1 = r6
  r2 = r7
  call walk_ipv6
L7:
  r1 = *(u8 *)(r7 +73)
  if r1 != 0x0 goto L8
  r1 = *(u32 *)(r7 +64)
  r2 = *(u16 *)(r7 +68)
  if r1 < r2 goto L8
  r1 -= r2
  *(u32 *)(r7 +60) = r1
  goto L9
L8:
  *(u32 *)(r7 +60) = 0
; copy the transport header
L9:
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L11
  if r2 > 0x7fff goto L11
  r5 = *(u64 *)(r6 +8)
  r3 = *(u32 *)(r5 + offsetof(sk_buff, len))
  r4 = *(u32 *)(r5 + offsetof(sk_buff, data_len))
  r3 -= r4
  r4 = r2
  r4 += 0x14
  if r4 <= r3 goto L10
  goto L11
L10:
  r1 = *(u64 *)(r5 + offsetof(sk_buff, data))
  r1 += r2
  r2 = btf_id(new_utsname)
  call bpf_rdonly_cast
  r1 = r0
  goto L14
L11:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L13
  if r4 <= 0x14 goto L12
  r4 = 0x14
L12:
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
L13:
  goto L15
L14:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L13
; interfaces, mark, packet type
L15:
  *(u64 *)(r7 +104) = 0
  *(u64 *)(r7 +112) = 0
  r8 = *(u64 *)(r6 +0)
  r9 = *(u64 *)(r8 + offsetof(nf_hook_state, in))
  if r9 == 0x0 goto L16
  r3 = r9
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
L16:
  r8 = *(u64 *)(r6 +8)
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
  if r0 == 0x0 goto L18
  r9 = r0
; ip6/filter/OUTPUT:policy: -P OUTPUT ACCEPT
  r1 = 0x1
  lock *(u64 *)(r9 +448) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +456) += r1
  goto L17
L17:
  goto L19
; drop
L18:
  r0 = 0x0
  exit
; accept
L19:
  r0 = 0x1
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
