coverage: -p tcp --syn -m tcpmss --mss 1:500

rule: -A INPUT -p tcp -m tcpmss --mss 42 -m tcpmss ! --mss 42:
  saved: -A INPUT -p tcp -m tcpmss --mss 42 -m tcpmss ! --mss 42:65535
  listed ip: 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcpmss match 42 tcpmss match !42:65535
  listed ip6: 6 -- * * ::/0 ::/0 tcpmss match 42 tcpmss match !42:65535

test: -p tcp -m tcpmss --mss 1:500
  hit: ip tcp flags syn mss 500
  miss: ip tcp flags syn mss 501
  miss: ip tcp flags syn

refused BPFC0004: -A INPUT -p tcp -m tcpmss --mss 70000
  marked: 70000
