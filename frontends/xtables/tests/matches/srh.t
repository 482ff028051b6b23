coverage: -m srh --srh-next-hdr 6

rule ip6: -A INPUT -m srh ! --srh-next-hdr 17 --srh-hdr-len-eq 3 ! --srh-hdr-len-gt 4 --srh-hdr-len-lt 5 --srh-segs-left-eq 3 --srh-segs-left-gt 2 ! --srh-segs-left-lt 9 --srh-last-entry-eq 1 --srh-last-entry-gt 3 --srh-last-entry-lt 8 --srh-tag 258
  saved: -A INPUT -m srh ! --srh-next-hdr 17 --srh-hdr-len-eq 5 ! --srh-hdr-len-gt 5 --srh-hdr-len-lt 5 --srh-segs-left-eq 9 --srh-segs-left-gt 9 ! --srh-segs-left-lt 9 --srh-last-entry-eq 8 --srh-last-entry-gt 8 --srh-last-entry-lt 8 --srh-tag 258
  listed: 0 -- * * ::/0 ::/0 srh next-hdr:!17 hdr-len-eq:5 hdr-len-gt:!5 hdr-len-lt:5 segs-left-eq:9 segs-left-gt:9 segs-left-lt:!9 last-entry-eq:8 last-entry-gt:8 last-entry-lt:8 tag:258

rule ip6: -A INPUT -m srh --srh-psid a::1/64 ! --srh-nsid b::/128 --srh-lsid c::1:0
  saved: -A INPUT -m srh --srh-psid a::1/64 ! --srh-nsid b::/128 --srh-lsid c::1:0/128
  listed: 0 -- * * ::/0 ::/0 srh psid a::1/64 nsid ! b::/128 lsid c::1:0/128

test ip6: -m srh --srh-segs-left-eq 1
  hit: ip6 nexthdr 43 payload 3b0404010100000020010db800000000000000000000000920010db8000000000000000000000009
  miss: ip6 nexthdr 43 payload 3b0404000100000020010db800000000000000000000000920010db8000000000000000000000009
  miss: ip6 nexthdr 43 payload 3b0404010000000020010db800000000000000000000000920010db8000000000000000000000009
  miss: ip6 udp

refused ip6 BPFC0004: -A INPUT -m srh --srh-tag 70000
  marked: 70000
