coverage: -p dccp -m dccp --dport 80

rule: -A INPUT -p dccp -m dccp --sport 5:9 ! --dport 80 --dccp-types REQUEST,DATAACK ! --dccp-option 7
  saved: -A INPUT -p dccp -m dccp --sport 5:9 ! --dport 80 --dccp-types REQUEST,DATAACK ! --dccp-option 7
  listed ip: 33 -- * * 0.0.0.0/0 0.0.0.0/0 dccp spts:5:9 dpt:!80 0,4 option=!7
  listed ip6: 33 -- * * ::/0 ::/0 dccp spts:5:9 dpt:!80 0,4 option=!7

rule: -A INPUT -p 33 -m dccp ! --dccp-types INVALID -j DROP
  saved: -A INPUT -p dccp -m dccp ! --dccp-types INVALID -j DROP
  listed ip: DROP 33 -- * * 0.0.0.0/0 0.0.0.0/0 dccp ! 10,11,12,13,14,15
  listed ip6: DROP 33 -- * * ::/0 ::/0 dccp ! 10,11,12,13,14,15

test: -p dccp -m dccp --dport 80
  hit: ip dccp dport 80
  miss: ip dccp dport 81
  miss: ip tcp dport 80
test: -p dccp -m dccp ! --dport 80:90
  hit: ip dccp dport 91
  miss: ip dccp dport 90

refused BPFC0004: -A INPUT -p dccp -m dccp --dccp-types NONE
  marked: NONE
