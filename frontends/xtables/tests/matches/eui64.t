coverage: -m eui64

rule ip6: -A INPUT -m eui64 -m srh
  saved: -A INPUT -m eui64 -m srh
  listed: 0 -- * * ::/0 ::/0 eui64 srh
