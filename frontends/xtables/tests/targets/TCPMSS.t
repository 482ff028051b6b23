coverage form --clamp-mss-to-pmtu: -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
coverage form --set-mss: -p tcp --syn -j TCPMSS --set-mss 1400

rule mangle: -A FORWARD -p tcp --syn -j TCPMSS --set-mss 1400
  saved: -A FORWARD -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j TCPMSS --set-mss 1400
  listed ip: TCPMSS 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp flags:0x17/0x02 TCPMSS set 1400
  listed ip6: TCPMSS 6 -- * * ::/0 ::/0 tcp flags:0x17/0x02 TCPMSS set 1400

rule mangle: -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
  saved: -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
  listed ip: TCPMSS 6 -- * * 0.0.0.0/0 0.0.0.0/0 tcp flags:0x06/0x02 TCPMSS clamp to PMTU
  listed ip6: TCPMSS 6 -- * * ::/0 ::/0 tcp flags:0x06/0x02 TCPMSS clamp to PMTU

rewrite: -p tcp --syn -j TCPMSS --set-mss 500
rewrite: -p tcp --tcp-flags SYN SYN -j TCPMSS --set-mss 1000

refused BPFC0004: -A INPUT -j TCPMSS --set-mss 70000
  marked: TCPMSS
