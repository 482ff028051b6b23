coverage: -m rpfilter

rule mangle: -A PREROUTING -m rpfilter
  saved: -A PREROUTING -m rpfilter
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 rpfilter
  listed ip6: 0 -- * * ::/0 ::/0 rpfilter

rule mangle: -A PREROUTING -m rpfilter --invert -m rpfilter --accept-local --loose
  saved: -A PREROUTING -m rpfilter --invert -m rpfilter --loose --accept-local
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 rpfilter invert rpfilter loose accept-local
  listed ip6: 0 -- * * ::/0 ::/0 rpfilter invert rpfilter loose accept-local

rule mangle: -A PREROUTING -m rpfilter --validmark --invert --loose --accept-local -j DROP
  saved: -A PREROUTING -m rpfilter --loose --validmark --accept-local --invert -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 rpfilter loose validmark accept-local invert
  listed ip6: DROP 0 -- * * ::/0 ::/0 rpfilter loose validmark accept-local invert

refused BPFC0004: -A INPUT -m rpfilter
  marked: rpfilter
