coverage: -m helper --helper ftp

rule: -A FORWARD -m helper --helper ftp -m helper ! --helper sip-5060 -m helper --helper ""
  saved: -A FORWARD -m helper --helper ftp -m helper ! --helper sip-5060 -m helper --helper ""
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 helper match "ftp" helper match ! "sip-5060" helper match ""
  listed ip6: 0 -- * * ::/0 ::/0 helper match "ftp" helper match ! "sip-5060" helper match ""

refused BPFC0004: -A INPUT -m helper
  marked: helper
