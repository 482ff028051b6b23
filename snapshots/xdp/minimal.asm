map counters PerCpuArray key 4 value 144 entries 1
map state Array key 4 value 512 entries 1
program bpfc_xdp Xdp entry bpfc_xdp

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
  goto L50
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
  if r0 == 0x1 goto L50
  *(u32 *)(r7 +84) = r0
L4:
  r8 = 0xe
  if r9 == 0x8100 goto L6
  if r9 == 0x88a8 goto L6
L5:
  *(u32 *)(r7 +76) = r8
  if r9 == 0x800 goto L18
  if r9 == 0x86dd goto L48
  goto L50
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
  if r0 != 0x0 goto L50
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
  if r0 != 0x0 goto L50
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
  goto L50
L17:
  goto L48
; parse the IPv4 header
L18:
  r2 = *(u32 *)(r7 +76)
  if r2 > 0x7fff goto L19
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 <= r3 goto L21
L19:
  r3 = r7
  r3 += 0x0
  r4 = 0x14
  r1 = r6
  call helper 189
  if r0 != 0x0 goto L50
L20:
  goto L22
L21:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +0) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +8) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +16) = r3
  goto L20
L22:
  r1 = *(u8 *)(r7 +0)
  r2 = r1
  r2 >>= 0x4
  if r2 != 0x4 goto L50
  r1 &= 0xf
  if r1 < 0x5 goto L50
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L50
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
  if r8 <= r0 goto L23
  r1 = r6
  call helper 188
  if r8 > r0 goto L50
; copy the transport header
L23:
  r2 = *(u32 *)(r7 +76)
  r4 = *(u16 *)(r7 +68)
  r2 += r4
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x14 goto L24
  if r2 > 0x7fff goto L24
  r1 = *(u32 *)(r6 +0)
  r3 = *(u32 *)(r6 +4)
  r1 += r2
  r4 = r1
  r4 += 0x14
  if r4 <= r3 goto L27
L24:
  *(u64 *)(r7 +40) = 0
  *(u64 *)(r7 +48) = 0
  *(u32 *)(r7 +56) = 0
  r4 = *(u32 *)(r7 +60)
  if r4 < 0x1 goto L26
  if r4 <= 0x14 goto L25
  r4 = 0x14
L25:
  r3 = r7
  r3 += 0x28
  r1 = r6
  call helper 189
L26:
  goto L28
L27:
  r3 = *(u64 *)(r1 +0)
  *(u64 *)(r7 +40) = r3
  r3 = *(u64 *)(r1 +8)
  *(u64 *)(r7 +48) = r3
  r3 = *(u32 *)(r1 +16)
  *(u32 *)(r7 +56) = r3
  goto L26
; interfaces, mark, packet type
L28:
  *(u32 *)(r7 +80) = 0
  r0 = exists(bpf_rdonly_cast)
  if r0 == 0x0 goto L29
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
  goto L30
L29:
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
; run the base chains
L30:
  *(u32 *)(r10 -4) = 0
  r1 = map counters
  r2 = r10
  r2 += 0xfffffffc
  call helper 1
  if r0 == 0x0 goto L49
  r9 = r0
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L31
  goto L38
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L31:
  r1 = *(u8 *)(r7 +9)
  if w1 == 0x1 goto L39
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 == 0x200c0 goto L40
  goto L34
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L32:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L42
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L33
  if w1 != 0x0 goto L42
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L33
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x1600 goto L41
  goto L42
; chain
L33:
  goto L49
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L34:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L35
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L35
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L37
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L43
  if w1 == 0xbb01 goto L43
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L35:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L36
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L37
  if w1 != 0x0 goto L36
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L37
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x17
  if w1 != 0x2 goto L44
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L36:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L46
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L46
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L37
  r1 = *(u16 *)(r7 +40)
  if w1 == 0x3500 goto L45
  goto L46
; chain
L37:
  goto L49
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L38:
  r1 = *(u64 *)(r9 +0)
  r1 += 0x1
  *(u64 *)(r9 +0) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +8)
  r1 += r2
  *(u64 *)(r9 +8) = r1
  goto L47
; filter/INPUT:2: -A INPUT -p icmp -j ACCEPT
L39:
  r1 = *(u64 *)(r9 +16)
  r1 += 0x1
  *(u64 *)(r9 +16) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +24)
  r1 += r2
  *(u64 *)(r9 +24) = r1
  goto L47
; filter/INPUT:3: -A INPUT -s 192.0.2.0/24 -j admin
L40:
  r1 = *(u64 *)(r9 +32)
  r1 += 0x1
  *(u64 *)(r9 +32) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +40)
  r1 += r2
  *(u64 *)(r9 +40) = r1
  goto L32
; filter/admin:1: -A admin -p tcp -m tcp --dport 22 -j ACCEPT
L41:
  r1 = *(u64 *)(r9 +48)
  r1 += 0x1
  *(u64 *)(r9 +48) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +56)
  r1 += r2
  *(u64 *)(r9 +56) = r1
  goto L47
; filter/admin:2: -A admin -j RETURN
L42:
  r1 = *(u64 *)(r9 +64)
  r1 += 0x1
  *(u64 *)(r9 +64) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +72)
  r1 += r2
  *(u64 *)(r9 +72) = r1
; chain
  goto L34
; filter/INPUT:4: -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT
L43:
  r1 = *(u64 *)(r9 +80)
  r1 += 0x1
  *(u64 *)(r9 +80) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +88)
  r1 += r2
  *(u64 *)(r9 +88) = r1
  goto L47
; filter/INPUT:5: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT
L44:
  r1 = *(u64 *)(r9 +96)
  r1 += 0x1
  *(u64 *)(r9 +96) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +104)
  r1 += r2
  *(u64 *)(r9 +104) = r1
  goto L47
; filter/INPUT:6: -A INPUT -p udp -m udp --sport 53 -j ACCEPT
L45:
  r1 = *(u64 *)(r9 +112)
  r1 += 0x1
  *(u64 *)(r9 +112) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +120)
  r1 += r2
  *(u64 *)(r9 +120) = r1
  goto L47
; filter/INPUT:policy: -P INPUT DROP
L46:
  r1 = *(u64 *)(r9 +128)
  r1 += 0x1
  *(u64 *)(r9 +128) = r1
  r2 = *(u32 *)(r7 +64)
  r1 = *(u64 *)(r9 +136)
  r1 += r2
  *(u64 *)(r9 +136) = r1
  goto L49
L47:
  goto L50
L48:
  goto L50
; drop
L49:
  r0 = 0x1
  exit
; accept
L50:
  r0 = 0x2
  exit
