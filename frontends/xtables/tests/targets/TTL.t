coverage: -j TTL --ttl-set 64

rule mangle ip: -A INPUT -j TTL --ttl-set 0x40
  saved: -A INPUT -j TTL --ttl-set 64
  listed: TTL 0 -- * * 0.0.0.0/0 0.0.0.0/0 TTL set to 64

rule mangle ip: -A OUTPUT -j TTL --ttl-inc 5
  saved: -A OUTPUT -j TTL --ttl-inc 5
  listed: TTL 0 -- * * 0.0.0.0/0 0.0.0.0/0 TTL increment by 5

rule mangle ip: -A OUTPUT -p tcp -j TTL --ttl-dec 1
  saved: -A OUTPUT -p tcp -j TTL --ttl-dec 1
  listed: TTL 6 -- * * 0.0.0.0/0 0.0.0.0/0 TTL decrement by 1

rewrite ip: -j TTL --ttl-set 64
rewrite ip: -j TTL --ttl-inc 191
rewrite ip: -j TTL --ttl-dec 64

refused ip BPFC0004: -A INPUT -j TTL --ttl-set 1
  marked: TTL
