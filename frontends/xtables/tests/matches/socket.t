coverage: -p tcp -m socket

rule mangle: -A PREROUTING -m socket -m socket --nowildcard
  saved: -A PREROUTING -m socket -m socket --nowildcard
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 socket socket --nowildcard
  listed ip6: 0 -- * * ::/0 ::/0 socket socket --nowildcard

rule mangle: -A INPUT -p tcp -m socket --restore-skmark --nowildcard --transparent -j ACCEPT
  saved: -A INPUT -p tcp -m socket --transparent --nowildcard --restore-skmark -j ACCEPT
  listed ip: ACCEPT 6 -- * * 0.0.0.0/0 0.0.0.0/0 socket --transparent --nowildcard --restore-skmark
  listed ip6: ACCEPT 6 -- * * ::/0 ::/0 socket --transparent --nowildcard --restore-skmark

test: -m socket
  miss: ip tcp
test: -m socket --nowildcard
test: -m socket --transparent --restore-skmark
test: -m socket --nowildcard --restore-skmark -m mark --mark 3

