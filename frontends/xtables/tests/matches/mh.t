coverage: -p mh -m mh --mh-type 5

rule ip6: -A INPUT -p mh -m mh --mh-type 5:7 -m mh ! --mh-type binding-refresh-request
  saved: -A INPUT -p mobility-header -m mh --mh-type 5:7 -m mh ! --mh-type 0
  listed: 135 -- * * ::/0 ::/0 mh 5:7 mh !0
