coverage: -m string --algo bm --string evil

rule: -A INPUT -m string --string "te\"s\\t a" --algo kmp --from 3 --to 99 --icase
  saved: -A INPUT -m string --string "te\"s\\t a" --algo kmp --from 3 --to 99 --icase
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 STRING match "te\"s\\t a" ALGO name kmp FROM 3 TO 99 ICASE
  listed ip6: 0 -- * * ::/0 ::/0 STRING match "te\"s\\t a" ALGO name kmp FROM 3 TO 99 ICASE

rule: -A INPUT -m string ! --hex-string "a|41 4200|x" --algo bm -m string --algo bm --string b
  saved: -A INPUT -m string ! --hex-string "|6141420078|" --algo bm -m string --string "b" --algo bm
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 STRING match ! "|6141420078|" ALGO name bm STRING match "b" ALGO name bm
  listed ip6: 0 -- * * ::/0 ::/0 STRING match ! "|6141420078|" ALGO name bm STRING match "b" ALGO name bm

rule: -A INPUT -m string --hex-string "|41 42|" --algo kmp --to 0x10
  saved: -A INPUT -m string --string "AB" --algo kmp --to 16
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 STRING match "AB" ALGO name kmp TO 16
  listed ip6: 0 -- * * ::/0 ::/0 STRING match "AB" ALGO name kmp TO 16

rule: -A INPUT -m string --string abc\ --algo bm -m string --string "t " --algo bm
  saved: -A INPUT -m string --hex-string "|6162635c|" --algo bm -m string --string "t " --algo bm
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 STRING match "|6162635c|" ALGO name bm STRING match "t " ALGO name bm
  listed ip6: 0 -- * * ::/0 ::/0 STRING match "|6162635c|" ALGO name bm STRING match "t " ALGO name bm

test: -m string --algo bm --string evil
  hit: ip udp payload 6576696c
  hit: ip6 udp payload 006576696c
  miss: ip udp payload 6576696d
  miss: ip udp

refused BPFC0004: -A INPUT -m string --string x
  marked: string
refused BPFC0004: -A INPUT -m string --algo bm --hex-string "|4|"
  marked: "|4|"
