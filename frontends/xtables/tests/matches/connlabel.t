coverage: -m connlabel --label 40

rule: -A FORWARD -m connlabel --label 5 -m connlabel ! --label 127
  saved: -A FORWARD -m connlabel --label "5" -m connlabel ! --label "127"
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 connlabel 5 connlabel ! 127
  listed ip6: 0 -- * * ::/0 ::/0 connlabel 5 connlabel ! 127

refused BPFC0004: -A INPUT -m connlabel --label 128
  marked: 128
