coverage: -j LOG --log-prefix "web: "

rule: -A INPUT -j LOG -m comment --comment c
  saved: -A INPUT -m comment --comment c -j LOG
  listed ip: LOG 0 -- * * 0.0.0.0/0 0.0.0.0/0 /* c */ LOG flags 0 level 4
  listed ip6: LOG 0 -- * * ::/0 ::/0 /* c */ LOG flags 0 level 4

rule: -A INPUT -j LOG --log-level debug --log-prefix "it's \"x\" "
  saved: -A INPUT -j LOG --log-prefix "it\'s \"x\" " --log-level 7
  listed ip: LOG 0 -- * * 0.0.0.0/0 0.0.0.0/0 LOG flags 0 level 7 prefix "it's "x" "
  listed ip6: LOG 0 -- * * ::/0 ::/0 LOG flags 0 level 7 prefix "it's "x" "

rule: -A FORWARD -j LOG --log-level 0x2 --log-prefix 123456789012345678901234567890
  saved: -A FORWARD -j LOG --log-prefix 12345678901234567890123456789 --log-level 2
  listed ip: LOG 0 -- * * 0.0.0.0/0 0.0.0.0/0 LOG flags 0 level 2 prefix "12345678901234567890123456789"
  listed ip6: LOG 0 -- * * ::/0 ::/0 LOG flags 0 level 2 prefix "12345678901234567890123456789"

rule: -A INPUT -j LOG --log-prefix x --log-macdecode --log-uid --log-ip-options --log-tcp-options --log-tcp-sequence
  saved: -A INPUT -j LOG --log-prefix x --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid --log-macdecode
  listed ip: LOG 0 -- * * 0.0.0.0/0 0.0.0.0/0 LOG flags 47 level 4 prefix "x"
  listed ip6: LOG 0 -- * * ::/0 ::/0 LOG flags 47 level 4 prefix "x"

refused BPFC0004: -A INPUT -j LOG --log-level 8
  marked: 8
refused BPFC0004: -A INPUT -j LOG --log-prefix ""
  marked: ""
