coverage: -m ttl --ttl-lt 5

rule ip: -A INPUT -m ttl --ttl 5 -m ttl ! --ttl-eq 5 -m ttl --ttl-lt 9 -m ttl --ttl-gt 1
  saved: -A INPUT -m ttl --ttl-eq 5 -m ttl ! --ttl-eq 5 -m ttl --ttl-lt 9 -m ttl --ttl-gt 1
  listed: 0 -- * * 0.0.0.0/0 0.0.0.0/0 TTL match TTL == 5 TTL match TTL != 5 TTL match TTL < 9 TTL match TTL > 1

test ip: -m ttl --ttl-eq 64
  hit: ip ttl 64 udp
  miss: ip ttl 63 udp
test ip: -m ttl ! --ttl-eq 64
  hit: ip ttl 63 udp
  miss: ip ttl 64 udp
test ip: -m ttl --ttl-lt 64
  hit: ip ttl 63 udp
  miss: ip ttl 64 udp

refused ip6 BPFC0005: -A INPUT -m ttl --ttl-eq 5
  marked: ttl
refused ip BPFC0004: -A INPUT -m ttl --ttl-eq 256
  marked: 256
