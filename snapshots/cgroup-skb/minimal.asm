map counters PerCpuArray key 4 value 176 entries 1
program bpfc_cgroup_in CgroupIngress entry bpfc_cgroup_in
program bpfc_cgroup_out CgroupEgress entry bpfc_cgroup_out

bpfc_cgroup_in: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  r9 = *(u32 *)(r6 +16)
  r9 = be16 r9
  if r9 == 0x800 goto L0
  if r9 == 0x86dd goto L29
  goto L31
; parse the IPv4 header
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L1
  r1 = *(u32 *)(r6 +76)
  r3 = *(u32 *)(r6 +80)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 <= r3 goto L3
L1:
  r3 = r7
  r3 += 0x0
  r4 = 0x14
  r1 = r6
  call helper 26
  if r0 != 0x0 goto L31
L2:
  goto L4
L3:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +16) = r3
  goto L2
L4:
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
  r1 = *(u32 *)(r6 +0)
  if r8 > r1 goto L31
; copy the transport header
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L5
  if r2 > 0x7fff goto L5
  r1 = *(u32 *)(r6 +76)
  r3 = *(u32 *)(r6 +80)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 <= r3 goto L8
L5:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L7
  if r4 <= 0x14 goto L6
  r4 = 0x14
L6:
  r3 = r7
  r3 += 0x28
  r1 = r6
  call helper 26
L7:
  goto L9
L8:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L7
; interfaces, mark, packet type
L9:
  r0 = exists(bpf_rdonly_cast)
  if r0 == 0x0 goto L10
  r1 = r6
  call bpf_cast_to_kern_ctx
  r1 = r0
  r8 = *(u64 *)(r1 + offsetof(sk_buff, dev))
  r3 = r8
  r3 += offsetof(net_device, name)
  r1 = *(u64 *)(r3 +0)
  *(u64 *)(r7 +104) = r1
  r1 = *(u64 *)(r3 +8)
  *(u64 *)(r7 +112) = r1
  goto L11
L10:
  r3 = r6
  r3 += offsetof(sk_buff, dev)
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
; run the base chains
L11:
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
  if r1 != r2 goto L12
  goto L19
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L12:
  r1 = *(u8 *)(r7 +9)
  if w1 == 0x1 goto L20
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 == 0x200c0 goto L21
  goto L15
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L13:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L23
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L14
  if w1 != 0x0 goto L23
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L14
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1600 goto L22
  goto L23
; chain
L14:
  goto L30
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L15:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L16
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L16
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L18
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L24
  if w1 == 0xbb01 goto L24
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L16:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L17
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L18
  if w1 != 0x0 goto L17
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L18
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x17
  if w1 != 0x2 goto L25
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L17:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L27
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L27
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L18
  r1 = *(u16 *)(r7 +40)
  if w1 == 0x3500 goto L26
  goto L27
; chain
L18:
  goto L30
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L19:
  r1 = 0x1
  lock *(u64 *)(r9 +0) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +8) += r1
  goto L28
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L20:
  r1 = 0x1
  lock *(u64 *)(r9 +16) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +24) += r1
  goto L28
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
L21:
  r1 = 0x1
  lock *(u64 *)(r9 +32) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +40) += r1
  goto L13
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L22:
  r1 = 0x1
  lock *(u64 *)(r9 +48) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +56) += r1
  goto L28
; filter/admin:2: -A admin -j RETURN
L23:
  r1 = 0x1
  lock *(u64 *)(r9 +64) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +72) += r1
; chain
  goto L15
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L24:
  r1 = 0x1
  lock *(u64 *)(r9 +80) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +88) += r1
  goto L28
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L25:
  r1 = 0x1
  lock *(u64 *)(r9 +96) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +104) += r1
  goto L28
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L26:
  r1 = 0x1
  lock *(u64 *)(r9 +112) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +120) += r1
  goto L28
; filter/INPUT:policy: -P INPUT DROP
L27:
  r1 = 0x1
  lock *(u64 *)(r9 +128) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +136) += r1
  goto L30
L28:
  goto L31
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

bpfc_cgroup_out: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
  *(u64 *)(r7 +0) = 0
  *(u32 *)(r7 +76) = 0
  r9 = *(u32 *)(r6 +16)
  r9 = be16 r9
  if r9 == 0x800 goto L0
  if r9 == 0x86dd goto L12
  goto L14
; parse the IPv4 header
L0:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L1
  r1 = *(u32 *)(r6 +76)
  r3 = *(u32 *)(r6 +80)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 <= r3 goto L3
L1:
  r3 = r7
  r3 += 0x0
  r4 = 0x14
  r1 = r6
  call helper 26
  if r0 != 0x0 goto L14
L2:
  goto L4
L3:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +16) = r3
  goto L2
L4:
  r1 = *(u8 *)(r7 +0)
  r2 = r1
  r2 >>= 0x4
  if r2 != 0x4 goto L14
  r1 &= 0xf
  if r1 < 0x5 goto L14
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L14
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
  r1 = *(u32 *)(r6 +0)
  if r8 > r1 goto L14
; copy the transport header
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L5
  if r2 > 0x7fff goto L5
  r1 = *(u32 *)(r6 +76)
  r3 = *(u32 *)(r6 +80)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 <= r3 goto L8
L5:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L7
  if r4 <= 0x14 goto L6
  r4 = 0x14
L6:
  r3 = r7
  r3 += 0x28
  r1 = r6
  call helper 26
L7:
  goto L9
L8:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L7
; interfaces, mark, packet type
L9:
  *(u64 *)(r7 +104) = 0
  *(u64 *)(r7 +112) = 0
; run the base chains
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L13
  r9 = r0
; filter/OUTPUT:1: -A OUTPUT -d 192.0.2.66/32 -j DROP
  r1 = *(u32 *)(r7 +16)
  if w1 != 0x420200c0 goto L10
  r1 = 0x1
  lock *(u64 *)(r9 +144) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +152) += r1
  goto L13
; filter/OUTPUT:policy: -P OUTPUT ACCEPT
L10:
  r1 = 0x1
  lock *(u64 *)(r9 +160) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +168) += r1
  goto L11
L11:
  goto L14
L12:
  goto L14
; drop
L13:
  r0 = 0x0
  exit
; accept
L14:
  r0 = 0x1
  exit
