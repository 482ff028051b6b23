coverage: -j DSCP --set-dscp-class EF

rule mangle: -A PREROUTING -j DSCP --set-dscp 0x1f
  saved: -A PREROUTING -j DSCP --set-dscp 0x1f
  listed ip: DSCP 0 -- * * 0.0.0.0/0 0.0.0.0/0 DSCP set 0x1f
  listed ip6: DSCP 0 -- * * ::/0 ::/0 DSCP set 0x1f

rule mangle: -A PREROUTING -j DSCP --set-dscp-class af11
  saved: -A PREROUTING -j DSCP --set-dscp 0x0a
  listed ip: DSCP 0 -- * * 0.0.0.0/0 0.0.0.0/0 DSCP set 0x0a
  listed ip6: DSCP 0 -- * * ::/0 ::/0 DSCP set 0x0a

rewrite: -j DSCP --set-dscp-class AF11
rewrite: -j DSCP --set-dscp 1

refused BPFC0004: -A INPUT -j DSCP --set-dscp 1
  marked: DSCP
