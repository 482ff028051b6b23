map counters PerCpuArray key 4 value 144 entries 1
map state Array key 4 value 512 entries 1
program bpfc_xdp Xdp entry bpfc_xdp

filter_INPUT: ; Chain
; chain entry
  r6 = r1
  r7 = r2
  if r7 == 0x0 goto L16
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L16
  r9 = r0
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L0
  goto L7
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L0:
  r1 = *(u8 *)(r7 +9)
  if w1 == 0x1 goto L8
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 == 0x200c0 goto L9
  goto L3
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L1:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L11
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L2
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L11
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L2
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1600 goto L10
  goto L11
; chain
L2:
  r0 = 0x2
  exit
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L3:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L4
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L4
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L6
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L12
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xbb01 goto L12
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L4:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L5
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L6
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L5
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L6
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x17
  if w1 != 0x2 goto L13
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L5:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L15
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L15
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L6
  r1 = *(u16 *)(r7 +40)
  if w1 == 0x3500 goto L14
  goto L15
; chain
L6:
  r0 = 0x2
  exit
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L7:
  r1 = *(u64 *)(r9 +0)
  r1 += 0x1
  *(u64 *)(r9 +0) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +8)
  r1 += r2
  *(u64 *)(r9 +8) = r1
  r0 = 0x1
  exit
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L8:
  r1 = *(u64 *)(r9 +16)
  r1 += 0x1
  *(u64 *)(r9 +16) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +24)
  r1 += r2
  *(u64 *)(r9 +24) = r1
  r0 = 0x1
  exit
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
L9:
  r1 = *(u64 *)(r9 +32)
  r1 += 0x1
  *(u64 *)(r9 +32) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +40)
  r1 += r2
  *(u64 *)(r9 +40) = r1
  goto L1
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L10:
  r1 = *(u64 *)(r9 +48)
  r1 += 0x1
  *(u64 *)(r9 +48) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +56)
  r1 += r2
  *(u64 *)(r9 +56) = r1
  r0 = 0x1
  exit
; filter/admin:2: -A admin -j RETURN
L11:
  r1 = *(u64 *)(r9 +64)
  r1 += 0x1
  *(u64 *)(r9 +64) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +72)
  r1 += r2
  *(u64 *)(r9 +72) = r1
; chain
  goto L3
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L12:
  r1 = *(u64 *)(r9 +80)
  r1 += 0x1
  *(u64 *)(r9 +80) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +88)
  r1 += r2
  *(u64 *)(r9 +88) = r1
  r0 = 0x1
  exit
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L13:
  r1 = *(u64 *)(r9 +96)
  r1 += 0x1
  *(u64 *)(r9 +96) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +104)
  r1 += r2
  *(u64 *)(r9 +104) = r1
  r0 = 0x1
  exit
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L14:
  r1 = *(u64 *)(r9 +112)
  r1 += 0x1
  *(u64 *)(r9 +112) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +120)
  r1 += r2
  *(u64 *)(r9 +120) = r1
  r0 = 0x1
  exit
; filter/INPUT:policy: -P INPUT DROP
L15:
  r1 = *(u64 *)(r9 +128)
  r1 += 0x1
  *(u64 *)(r9 +128) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +136)
  r1 += r2
  *(u64 *)(r9 +136) = r1
  r0 = 0x2
  exit
; chain exit
L16:
  r0 = 0x2
  goto L17
L17:
  exit

others_body: ; LoopBody
; look at a device above
  r7 = *(u64 *)(r2 +8)
  r1 = *(u64 *)(r7 +0)
  r3 = r1
  r3 += offsetof(list_head, next)
  *(u64 *)(r10 -8) = 0
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
  *(u64 *)(r10 -8) = 0
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
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r8 = *(u64 *)(r10 -8)
  if r8 == 0x0 goto L9
  r3 = r8
  r3 += offsetof(net_device, nd_net)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -8)
  r2 = *(u64 *)(r7 +56)
  if r1 != r2 goto L6
  r3 = r8
  r3 += offsetof(net_device, rtnl_link_ops)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r1 = *(u64 *)(r10 -8)
  if r1 == 0x0 goto L9
  r3 = r1
  r3 += offsetof(rtnl_link_ops, kind)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  *(u64 *)(r10 -8) = 0
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
  *(u64 *)(r10 -8) = 0
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
  *(u64 *)(r10 -8) = 0
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
  *(u64 *)(r10 -8) = 0
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
  *(u32 *)(r7 +68) = 2
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
  if r7 == 0x0 goto L3
  r3 = r6
  r3 += offsetof(xdp_buff, rxq)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r3 = *(u64 *)(r10 -8)
  r3 += offsetof(xdp_rxq_info, dev)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x8
  call helper 113
  r8 = *(u64 *)(r10 -8)
  r3 = r8
  r3 += offsetof(net_device, dev_addr)
  *(u64 *)(r10 -8) = 0
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
  if r2 != r9 goto L0
  r1 = *(u32 *)(r6 +12)
  r4 = r1
  r4 <<= 0x30
  r4 |= r2
  r1 &= 0x3f
  r1 <<= 0x3
  r5 = map state[0]+0
  r5 += r1
  *(u64 *)(r5 +0) = r4
  r0 = 0x2
  exit
L0:
  r3 = r8
  r3 += offsetof(net_device, upper_level)
  *(u64 *)(r10 -8) = 0
  r1 = r10
  r1 += 0xfffffff8
  r2 = 0x1
  call helper 113
  r1 = *(u8 *)(r10 -8)
  if r1 == 0x1 goto L1
  *(u64 *)(r7 +32) = r8
  *(u64 *)(r7 +48) = r9
  r3 = r8
  r3 += offsetof(net_device, nd_net)
  *(u64 *)(r10 -8) = 0
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
  r2 = &others_body
  r3 = r10
  r3 += 0xfffffff0
  r4 = 0x0
  call helper 181
  r0 = *(u32 *)(r7 +68)
  if r0 != 0x1 goto L2
  r1 = *(u32 *)(r7 +64)
  if r1 != 0x0 goto L3
L1:
  r0 = 0x1
L2:
  exit
L3:
  r0 = 0x0
  exit

bpfc_xdp: ; Main
; find the network header
  r6 = r1
  r7 = r10
  r7 += 0xffffff50
  r2 = 0x0
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0xe
  if r4 > r3 goto L0
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r10 -56) = r3
  r3 = *(u32 *)(r1 +8)
  *(u32 *)(r10 -48) = r3
  r3 = *(u16 *)(r1 +12)
  *(u16 *)(r10 -44) = r3
  goto L1
L0:
  r3 = r10
  r3 += 0xffffffc8
  r4 = 0xe
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L19
L1:
  *(u8 *)(r7 +75) = 1
  r9 = *(u16 *)(r10 -44)
  r9 = be16 r9
  *(u32 *)(r7 +84) = 0
  r2 = *(u32 *)(r10 -56)
  r3 = *(u16 *)(r10 -52)
  r3 <<= 0x20
  r2 |= r3
  if r2 & 0x1 goto L2
  r1 = *(u32 *)(r6 +12)
  r4 = r1
  r4 <<= 0x30
  r4 |= r2
  r1 &= 0x3f
  r1 <<= 0x3
  r5 = map state[0]+0
  r5 += r1
  r1 = *(u64 *)(r5 +0)
  if r1 == r4 goto L2
  *(u64 *)(r7 +40) = r2
  r1 = r6
  r2 = r7
  call others
  if r0 == 0x1 goto L19
  *(u32 *)(r7 +84) = r0
L2:
  r8 = 0xe
  if r9 == 0x8100 goto L3
  if r9 != 0x88a8 goto L9
L3:
  r2 = r8
  if r2 > 0x7fff goto L4
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x4
  if r4 > r3 goto L4
  r3 = *(u32 *)(r1 +0)
  *(u32 *)(r10 -56) = r3
  goto L5
L4:
  r3 = r10
  r3 += 0xffffffc8
  r4 = 0x4
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L19
L5:
  r9 = *(u16 *)(r10 -54)
  r9 = be16 r9
  r8 += 0x4
  if r9 == 0x8100 goto L6
  if r9 != 0x88a8 goto L9
L6:
  r2 = r8
  if r2 > 0x7fff goto L7
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x4
  if r4 > r3 goto L7
  r3 = *(u32 *)(r1 +0)
  *(u32 *)(r10 -56) = r3
  goto L8
L7:
  r3 = r10
  r3 += 0xffffffc8
  r4 = 0x4
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L19
L8:
  r9 = *(u16 *)(r10 -54)
  r9 = be16 r9
  r8 += 0x4
L9:
  *(u32 *)(r7 +76) = r8
  if r9 == 0x800 goto L10
  if r9 == 0x86dd goto L17
  goto L19
; parse the IPv4 header
L10:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L11
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 > r3 goto L11
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +16) = r3
  goto L12
L11:
  r3 = r7
  r3 += 0x0
  r4 = 0x14
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L19
L12:
  r1 = *(u8 *)(r7 +0)
  r2 = r1
  r2 >>= 0x4
  if r2 != 0x4 goto L19
  r1 &= 0xf
  if r1 < 0x5 goto L19
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L19
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
  r0 = *(u32 *)(r6 +4)
  r1 = *(u32 *)(r6 +0)
  r0 -= r1
  if r8 <= r0 goto L13
  r1 = r6
  call helper 188
  if r8 > r0 goto L19
; copy the transport header
L13:
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L14
  if r2 > 0x7fff goto L14
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 > r3 goto L14
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L16
L14:
  *(u32 *)(r7 +40) = 0
  *(u32 *)(r7 +44) = 0
  *(u32 *)(r7 +48) = 0
  *(u32 *)(r7 +52) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L16
  if r4 <= 0x14 goto L15
  r4 = 0x14
L15:
  r3 = r7
  r3 += 0x28
  r1 = r6
  call helper 189
; interfaces, mark, packet type
L16:
  *(u32 *)(r7 +80) = 0
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
; run the base chains
  r1 = r6
  r2 = r7
  call filter_INPUT
  if w0 == 0x2 goto L18
  goto L19
L17:
  goto L19
; drop
L18:
  r0 = 0x1
  exit
; accept
L19:
  r0 = 0x2
  exit
