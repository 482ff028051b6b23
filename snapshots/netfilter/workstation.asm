map counters PerCpuArray key 4 value 256 entries 1
program bpfc_input4 Netfilter { family: Ipv4, hook: Input, priority: -10 } entry bpfc_input4
program bpfc_forward4 Netfilter { family: Ipv4, hook: Forward, priority: -10 } entry bpfc_forward4
program bpfc_output4 Netfilter { family: Ipv4, hook: Output, priority: -10 } entry bpfc_output4

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
  if r0 != 0x0 goto L38
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
  if r2 != 0x4 goto L38
  r1 &= 0xf
  if r1 < 0x5 goto L38
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L38
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
  if r8 > r1 goto L38
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
  if r0 == 0x0 goto L37
  r9 = r0
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L14
  goto L24
; filter/INPUT:2: -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
L14:
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x6
  w1 &= 0xff
  if w1 != 0x0 goto L25
; filter/INPUT:3: -A INPUT -m state --state INVALID -j DROP
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x1
  w1 &= 0xff
  if w1 != 0x0 goto L26
; filter/INPUT:4: -A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L15
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L15
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L23
  r1 = *(u16 *)(r7 +40)
  if w1 != 0x4300 goto L15
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x4400 goto L27
; filter/INPUT:5: -A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
L15:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L16
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L16
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L23
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x800
  if w1 <= 0xff goto L28
; filter/INPUT:6: -A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
L16:
  r1 = *(u32 *)(r7 +16)
  if w1 != 0xfb0000e0 goto L17
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L17
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L17
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L23
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xe914 goto L29
; filter/INPUT:7: -A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 631 -m comment --comment "printer sharing" -j ACCEPT
L17:
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 != 0x1a8c0 goto L18
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L18
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L23
  if w1 != 0x0 goto L18
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L23
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x7702 goto L30
; filter/INPUT:8: -A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -m state --state NEW -j ACCEPT
L18:
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 != 0x1a8c0 goto L19
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L19
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L23
  if w1 != 0x0 goto L19
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L23
  r1 = *(u16 *)(r7 +42)
  if w1 != 0x1600 goto L19
  r1 = *(u8 *)(r7 +137)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L31
; filter/INPUT:9: -A INPUT -i wlan+ -p udp -m udp --dport 1714:1764 -j ACCEPT
L19:
  r1 = *(u64 *)(r7 +104)
  w2 = 0xffffffff
  r1 &= r2
  r2 = 0x6e616c77
  if r1 != r2 goto L20
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L20
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L20
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L23
  r1 = *(u16 *)(r7 +42)
  r1 = be16 r1
  w1 -= 0x6b2
  if w1 <= 0x32 goto L32
; filter/INPUT:10: -A INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT
L20:
  r1 = *(u64 *)(r7 +104)
  r2 = 0x3072656b636f64 ll
  if r1 != r2 goto L21
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L21
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L21
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L23
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x3500 goto L33
; filter/INPUT:11: -A INPUT -m pkttype --pkt-type broadcast -j DROP
L21:
  r1 = *(u8 *)(r7 +74)
  if w1 != 0x5 goto L22
  r1 = *(u8 *)(r7 +16)
  w1 -= 0xe0
  if w1 <= 0xf goto L35
  goto L34
L22:
  r1 = *(u8 *)(r7 +74)
  if w1 == 0x1 goto L34
  goto L35
; chain
L23:
  goto L37
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L24:
  r1 = 0x1
  lock *(u64 *)(r9 +0) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +8) += r1
  goto L36
; filter/INPUT:2: -A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
L25:
  r1 = 0x1
  lock *(u64 *)(r9 +16) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +24) += r1
  goto L36
; filter/INPUT:3: -A INPUT -m state --state INVALID -j DROP
L26:
  r1 = 0x1
  lock *(u64 *)(r9 +32) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +40) += r1
  goto L37
; filter/INPUT:4: -A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT
L27:
  r1 = 0x1
  lock *(u64 *)(r9 +48) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +56) += r1
  goto L36
; filter/INPUT:5: -A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
L28:
  r1 = 0x1
  lock *(u64 *)(r9 +64) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +72) += r1
  goto L36
; filter/INPUT:6: -A INPUT -d 224.0.0.251/32 -p udp -m udp --dport 5353 -j ACCEPT
L29:
  r1 = 0x1
  lock *(u64 *)(r9 +80) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +88) += r1
  goto L36
; filter/INPUT:7: -A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 631 -m comment --comment "printer sharing" -j ACCEPT
L30:
  r1 = 0x1
  lock *(u64 *)(r9 +96) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +104) += r1
  goto L36
; filter/INPUT:8: -A INPUT -s 192.168.1.0/24 -p tcp -m tcp --dport 22 -m state --state NEW -j ACCEPT
L31:
  r1 = 0x1
  lock *(u64 *)(r9 +112) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +120) += r1
  goto L36
; filter/INPUT:9: -A INPUT -i wlan+ -p udp -m udp --dport 1714:1764 -j ACCEPT
L32:
  r1 = 0x1
  lock *(u64 *)(r9 +128) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +136) += r1
  goto L36
; filter/INPUT:10: -A INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT
L33:
  r1 = 0x1
  lock *(u64 *)(r9 +144) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +152) += r1
  goto L36
; filter/INPUT:11: -A INPUT -m pkttype --pkt-type broadcast -j DROP
L34:
  r1 = 0x1
  lock *(u64 *)(r9 +160) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +168) += r1
  goto L37
; filter/INPUT:policy: -P INPUT DROP
L35:
  r1 = 0x1
  lock *(u64 *)(r9 +176) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +184) += r1
  goto L37
L36:
  goto L38
; drop
L37:
  r0 = 0x0
  exit
; accept
L38:
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
  if r0 != 0x0 goto L15
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
  if r2 != 0x4 goto L15
  r1 &= 0xf
  if r1 < 0x5 goto L15
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L15
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
  if r8 > r1 goto L15
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
  if r0 == 0x0 goto L14
  r9 = r0
; filter/FORWARD:policy: -P FORWARD DROP
  r1 = 0x1
  lock *(u64 *)(r9 +192) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +200) += r1
  goto L14
; drop
L14:
  r0 = 0x0
  exit
; accept
L15:
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
  if r0 != 0x0 goto L20
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
  if r2 != 0x4 goto L20
  r1 &= 0xf
  if r1 < 0x5 goto L20
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L20
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
  if r8 > r1 goto L20
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
  if r0 == 0x0 goto L19
  r9 = r0
; filter/OUTPUT:1: -A OUTPUT -o lo -j ACCEPT
  r1 = *(u64 *)(r7 +120)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L14
  goto L15
; filter/OUTPUT:2: -A OUTPUT -d 127.0.0.0/8 ! -o lo -j DROP
L14:
  r1 = *(u32 *)(r7 +16)
  w1 &= 0xff
  if w1 != 0x7f goto L17
  r1 = *(u64 *)(r7 +120)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L16
  goto L17
; filter/OUTPUT:1: -A OUTPUT -o lo -j ACCEPT
L15:
  r1 = 0x1
  lock *(u64 *)(r9 +208) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +216) += r1
  goto L18
; filter/OUTPUT:2: -A OUTPUT -d 127.0.0.0/8 ! -o lo -j DROP
L16:
  r1 = 0x1
  lock *(u64 *)(r9 +224) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +232) += r1
  goto L19
; filter/OUTPUT:policy: -P OUTPUT ACCEPT
L17:
  r1 = 0x1
  lock *(u64 *)(r9 +240) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +248) += r1
  goto L18
L18:
  goto L20
; drop
L19:
  r0 = 0x0
  exit
; accept
L20:
  r0 = 0x1
  exit
