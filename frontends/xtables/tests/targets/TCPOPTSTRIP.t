coverage: -p tcp -j TCPOPTSTRIP --strip-options timestamp

rule mangle: -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options mss,0x13,7,timestamp
  saved: -A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 2,7,8,19
  listed ip: TCPOPTSTRIP 6 -- * * 0.0.0.0/0 0.0.0.0/0 TCPOPTSTRIP options 2,7,8,19
  listed ip6: TCPOPTSTRIP 6 -- * * ::/0 ::/0 TCPOPTSTRIP options 2,7,8,19

rule mangle: -A FORWARD -p tcp -j TCPOPTSTRIP
  saved: -A FORWARD -p tcp -j TCPOPTSTRIP
  listed ip: TCPOPTSTRIP 6 -- * * 0.0.0.0/0 0.0.0.0/0
  listed ip6: TCPOPTSTRIP 6 -- * * ::/0 ::/0

rewrite: -p tcp -j TCPOPTSTRIP --strip-options 2,3,8

refused BPFC0004: -A INPUT -p tcp -j TCPOPTSTRIP --strip-options nosuch
  marked: TCPOPTSTRIP
