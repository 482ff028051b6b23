coverage: -p tcp -j ECN --ecn-tcp-remove

rule mangle ip: -A OUTPUT -p tcp -j ECN --ecn-tcp-remove
  saved: -A OUTPUT -p tcp -j ECN --ecn-tcp-remove
  listed: ECN 6 -- * * 0.0.0.0/0 0.0.0.0/0 ECN TCP remove

rule mangle ip: -A OUTPUT -p 6 -j ECN --ecn-tcp-cwr 1 --ecn-tcp-ece 0
  saved: -A OUTPUT -p tcp -j ECN --ecn-tcp-ece 0 --ecn-tcp-cwr 1
  listed: ECN 6 -- * * 0.0.0.0/0 0.0.0.0/0 ECN ECE=0 CWR=1

rule mangle ip: -A OUTPUT -p tcp -j ECN --ecn-tcp-cwr 1
  saved: -A OUTPUT -p tcp -j ECN --ecn-tcp-cwr 1
  listed: ECN 6 -- * * 0.0.0.0/0 0.0.0.0/0 ECN CWR=1

rule mangle ip: -A OUTPUT -j ECN --ecn-ip-ect 2
  saved: -A OUTPUT -j ECN --ecn-ip-ect 2
  listed: ECN 0 -- * * 0.0.0.0/0 0.0.0.0/0 ECN ECT codepoint=2

rewrite ip: -j ECN --ecn-ip-ect 1
rewrite ip: -p tcp -j ECN --ecn-tcp-remove
rewrite ip: -p tcp -j ECN --ecn-tcp-cwr 1

refused ip BPFC0004: -A INPUT -j ECN --ecn-tcp-remove
  marked: ECN
