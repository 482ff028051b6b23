map counters PerCpuArray key 4 value 320 entries 1
program bpfc_input4 Netfilter { family: Ipv4, hook: Input, priority: -10 } entry bpfc_input4
program bpfc_forward4 Netfilter { family: Ipv4, hook: Forward, priority: -10 } entry bpfc_forward4
program bpfc_output4 Netfilter { family: Ipv4, hook: Output, priority: -10 } entry bpfc_output4

filter_office: ; Chain
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
; filter/office:1: -A office -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L0
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L2
  if w1 != 0x0 goto L0
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L2
  r1 = *(u16 *)(r7 +42)
  if w1 != 0x1600 goto L0
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L3
; filter/office:2: -A office -p tcp -m tcp --dport 3306 -j ACCEPT
L0:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L1
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L2
  if w1 != 0x0 goto L1
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L2
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xea0c goto L4
; filter/office:3: -A office -p udp -m udp --dport 161 -j ACCEPT
L1:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L6
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L6
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L2
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xa100 goto L5
  goto L6
; chain
L2:
  r0 = 0x2
  exit
; filter/office:1: -A office -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT
L3:
  r1 = 0x1
  lock *(u64 *)(r9 +0) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +8) += r1
  r0 = 0x1
  exit
; filter/office:2: -A office -p tcp -m tcp --dport 3306 -j ACCEPT
L4:
  r1 = 0x1
  lock *(u64 *)(r9 +16) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +24) += r1
  r0 = 0x1
  exit
; filter/office:3: -A office -p udp -m udp --dport 161 -j ACCEPT
L5:
  r1 = 0x1
  lock *(u64 *)(r9 +32) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +40) += r1
  r0 = 0x1
  exit
; filter/office:4: -A office -j RETURN
L6:
  r1 = 0x1
  lock *(u64 *)(r9 +48) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +56) += r1
; chain
  r0 = 0x0
  exit
; chain exit
L7:
  r0 = 0x2
  goto L8
L8:
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
  if r0 != 0x0 goto L42
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
  if r2 != 0x4 goto L42
  r1 &= 0xf
  if r1 < 0x5 goto L42
  r1 <<= 0x2
  *(u16 *)(r7 +68) = r1
  r2 = *(u16 *)(r7 +2)
  r2 = be16 r2
  if r2 < r1 goto L42
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
  if r8 > r1 goto L42
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
  if r0 == 0x0 goto L41
  r9 = r0
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
  r1 = *(u64 *)(r7 +104)
  r2 = 0xffffff
  r1 &= r2
  r2 = 0x6f6c
  if r1 != r2 goto L13
  goto L25
; filter/INPUT:2: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L13:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x6
  w1 &= 0xff
  if w1 != 0x0 goto L26
; filter/INPUT:3: -A INPUT -m conntrack --ctstate INVALID -j DROP
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x1
  w1 &= 0xff
  if w1 != 0x0 goto L27
; filter/INPUT:4: -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L14
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L24
  if w1 != 0x0 goto L14
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L24
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x3f
  if w1 == 0x0 goto L28
; filter/INPUT:5: -A INPUT -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP
L14:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L15
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L24
  if w1 != 0x0 goto L15
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L24
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x6
  if w1 == 0x6 goto L29
; filter/INPUT:6: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP
L15:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L16
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L24
  if w1 != 0x0 goto L16
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L24
  r1 = *(u8 *)(r7 +53)
  w1 &= 0x17
  if w1 == 0x2 goto L16
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L30
; filter/INPUT:7: -A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
L16:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L17
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L17
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L24
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x800
  if w1 <= 0xff goto L31
; filter/INPUT:8: -A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT
L17:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L18
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L18
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L24
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0x300
  if w1 <= 0xff goto L32
; filter/INPUT:9: -A INPUT -p icmp -m icmp --icmp-type 11 -j ACCEPT
L18:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x1 goto L19
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L19
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L24
  r1 = *(u16 *)(r7 +40)
  r1 = be16 r1
  w1 -= 0xb00
  if w1 <= 0xff goto L33
; filter/INPUT:10: -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -m comment --comment "the sites" -j ACCEPT
L19:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L21
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L21
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x4 goto L24
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x5000 goto L20
  if w1 != 0xbb01 goto L21
L20:
  r1 = *(u8 *)(r7 +121)
  w1 &= 0x8
  w1 &= 0xff
  if w1 != 0x0 goto L34
; filter/INPUT:11: -A INPUT -p udp -m udp --dport 443 -m comment --comment QUIC -j ACCEPT
L21:
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x11 goto L22
  r1 = *(u16 *)(r7 +70)
  if w1 != 0x0 goto L22
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x8 goto L24
  r1 = *(u16 *)(r7 +42)
  if w1 == 0xbb01 goto L35
; filter/INPUT:12: -A INPUT -s 198.51.100.0/24 -j office
L22:
  r1 = *(u32 *)(r7 +12)
  w1 &= 0xffffff
  if w1 == 0x6433c6 goto L36
; filter/INPUT:13: -A INPUT -s 203.0.113.17/32 -p tcp -m tcp --dport 9100 -m comment --comment "node exporter" -j ACCEPT
L23:
  r1 = *(u32 *)(r7 +12)
  if w1 != 0x117100cb goto L38
  r1 = *(u8 *)(r7 +9)
  if w1 != 0x6 goto L38
  r1 = *(u16 *)(r7 +70)
  if w1 == 0x1 goto L24
  if w1 != 0x0 goto L38
  r1 = *(u32 *)(r7 +60)
  if w1 < 0x14 goto L24
  r1 = *(u16 *)(r7 +42)
  if w1 == 0x8c23 goto L37
  goto L38
; chain
L24:
  goto L41
; filter/INPUT:1: -A INPUT -i lo -j ACCEPT
L25:
  r1 = 0x1
  lock *(u64 *)(r9 +64) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +72) += r1
  goto L40
; filter/INPUT:2: -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
L26:
  r1 = 0x1
  lock *(u64 *)(r9 +80) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +88) += r1
  goto L40
; filter/INPUT:3: -A INPUT -m conntrack --ctstate INVALID -j DROP
L27:
  r1 = 0x1
  lock *(u64 *)(r9 +96) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +104) += r1
  goto L41
; filter/INPUT:4: -A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE -j DROP
L28:
  r1 = 0x1
  lock *(u64 *)(r9 +112) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +120) += r1
  goto L41
; filter/INPUT:5: -A INPUT -p tcp -m tcp --tcp-flags SYN,RST SYN,RST -j DROP
L29:
  r1 = 0x1
  lock *(u64 *)(r9 +128) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +136) += r1
  goto L41
; filter/INPUT:6: -A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP
L30:
  r1 = 0x1
  lock *(u64 *)(r9 +144) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +152) += r1
  goto L41
; filter/INPUT:7: -A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
L31:
  r1 = 0x1
  lock *(u64 *)(r9 +160) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +168) += r1
  goto L40
; filter/INPUT:8: -A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT
L32:
  r1 = 0x1
  lock *(u64 *)(r9 +176) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +184) += r1
  goto L40
; filter/INPUT:9: -A INPUT -p icmp -m icmp --icmp-type 11 -j ACCEPT
L33:
  r1 = 0x1
  lock *(u64 *)(r9 +192) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +200) += r1
  goto L40
; filter/INPUT:10: -A INPUT -p tcp -m multiport --dports 80,443 -m conntrack --ctstate NEW -m comment --comment "the sites" -j ACCEPT
L34:
  r1 = 0x1
  lock *(u64 *)(r9 +208) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +216) += r1
  goto L40
; filter/INPUT:11: -A INPUT -p udp -m udp --dport 443 -m comment --comment QUIC -j ACCEPT
L35:
  r1 = 0x1
  lock *(u64 *)(r9 +224) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +232) += r1
  goto L40
; filter/INPUT:12: -A INPUT -s 198.51.100.0/24 -j office
L36:
  r1 = 0x1
  lock *(u64 *)(r9 +240) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +248) += r1
  r1 = r6
  r2 = r7
  call filter_office
  if w0 != 0x0 goto L39
  goto L23
; filter/INPUT:13: -A INPUT -s 203.0.113.17/32 -p tcp -m tcp --dport 9100 -m comment --comment "node exporter" -j ACCEPT
L37:
  r1 = 0x1
  lock *(u64 *)(r9 +256) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +264) += r1
  goto L40
; filter/INPUT:policy: -P INPUT DROP
L38:
  r1 = 0x1
  lock *(u64 *)(r9 +272) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +280) += r1
  goto L41
; chain exit
L39:
  if w0 == 0x2 goto L41
L40:
  goto L42
; drop
L41:
  r0 = 0x0
  exit
; accept
L42:
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
  if r0 != 0x0 goto L14
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
  r1 = *(u64 *)(r6 +8)
  r1 = *(u32 *)(r1 + offsetof(sk_buff, len))
  if r8 > r1 goto L14
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
  if r0 == 0x0 goto L13
  r9 = r0
; filter/FORWARD:policy: -P FORWARD DROP
  r1 = 0x1
  lock *(u64 *)(r9 +288) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +296) += r1
  goto L13
; drop
L13:
  r0 = 0x0
  exit
; accept
L14:
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
; filter/OUTPUT:policy: -P OUTPUT ACCEPT
  r1 = 0x1
  lock *(u64 *)(r9 +304) += r1
  r1 = *(u32 *)(r7 +64)
  lock *(u64 *)(r9 +312) += r1
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
