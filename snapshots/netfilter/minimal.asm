map counters PerCpuArray key 4 value 192 entries 1
program bpfc_input4 Netfilter { family: Ipv4, hook: Input, priority: -10 } entry bpfc_input4
program bpfc_forward4 Netfilter { family: Ipv4, hook: Forward, priority: -10 } entry bpfc_forward4
program bpfc_output4 Netfilter { family: Ipv4, hook: Output, priority: -10 } entry bpfc_output4

bpfc_input4: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
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
  if r0 != 0x0 goto L31
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
  if r2 != 0x4 goto L31
  r1 &= 0xf
  if r1 < 0x5 goto L31
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L31
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
  if r8 > r1 goto L31
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
  r8 = *(u64 *)(r6 +8)
; run the base chains
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L30
  r9 = r0
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L13
  goto L20
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L13:
  r1 = *(u8 *)(r7 +9)
  if w1 == 0x1 goto L21
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 == 0x200c0 goto L22
  goto L16
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L14:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L24
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L15
  if w1 != 0x0 goto L24
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L15
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1600 goto L23
  goto L24
; chain
L15:
  goto L30
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L16:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L17
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L17
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L19
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L25
  if w1 == 0xbb01 goto L25
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L17:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L18
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L19
  if w1 != 0x0 goto L18
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L19
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x17
  if w1 != 0x2 goto L26
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L18:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L28
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L28
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L19
  r1 = *(u16 *)(r7 +40)
  if w1 == 0x3500 goto L27
  goto L28
; chain
L19:
  goto L30
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L20:
  r1 = 0x1
  lock *(u64 *)(r9 +0) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +8) += r1
  goto L29
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L21:
  r1 = 0x1
  lock *(u64 *)(r9 +16) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +24) += r1
  goto L29
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
L22:
  r1 = 0x1
  lock *(u64 *)(r9 +32) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +40) += r1
  goto L14
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L23:
  r1 = 0x1
  lock *(u64 *)(r9 +48) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +56) += r1
  goto L29
; filter/admin:2: -A admin -j RETURN
L24:
  r1 = 0x1
  lock *(u64 *)(r9 +64) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +72) += r1
; chain
  goto L16
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L25:
  r1 = 0x1
  lock *(u64 *)(r9 +80) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +88) += r1
  goto L29
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L26:
  r1 = 0x1
  lock *(u64 *)(r9 +96) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +104) += r1
  goto L29
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L27:
  r1 = 0x1
  lock *(u64 *)(r9 +112) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +120) += r1
  goto L29
; filter/INPUT:policy: -P INPUT DROP
L28:
  r1 = 0x1
  lock *(u64 *)(r9 +128) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +136) += r1
  goto L30
L29:
  goto L31
; drop
L30:
  r0 = 0x0
  exit
; accept
L31:
  r0 = 0x1
  exit

bpfc_forward4: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
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
  r8 = *(u64 *)(r6 +8)
; run the base chains
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L14
  r9 = r0
; filter/FORWARD:policy: -P FORWARD ACCEPT
  r1 = 0x1
  lock *(u64 *)(r9 +144) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +152) += r1
  goto L13
L13:
  goto L15
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
  r7 += 0xffffff50
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
  r8 = *(u64 *)(r6 +8)
; run the base chains
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L15
  r9 = r0
; filter/OUTPUT:1: -A OUTPUT -d 192.0.2.66/32 -j DROP
  r1 = *(u32 *)(r7 +16)
  if w1 != 0x420200c0 goto L13
  r1 = 0x1
  lock *(u64 *)(r9 +160) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +168) += r1
  goto L15
; filter/OUTPUT:policy: -P OUTPUT ACCEPT
L13:
  r1 = 0x1
  lock *(u64 *)(r9 +176) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +184) += r1
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
