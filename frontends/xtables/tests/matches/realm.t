coverage: -m realm --realm 5

rule ip: -A INPUT -m realm --realm 5 -m realm ! --realm 0x10/0xff -m realm --realm cosmos
  saved: -A INPUT -m realm --realm 0x5 -m realm ! --realm 0x10/0xff -m realm --realm cosmos
  listed: 0 -- * * 0.0.0.0/0 0.0.0.0/0 realm 0x5 ! realm 0x10/0xff realm 0x0

refused ip BPFC0004: -A INPUT -m realm --realm x
  marked: x
