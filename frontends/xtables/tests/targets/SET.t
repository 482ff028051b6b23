coverage form --add-set: -j SET --add-set banned src
coverage form --map-mark: -j SET --map-set banned src --map-mark
coverage form --map-prio: -j SET --map-set banned src --map-prio
coverage form --map-queue: -j SET --map-set banned src --map-queue

rule: -A INPUT -j SET --add-set banned src --exist
  saved: -A INPUT -j SET --add-set banned src --exist
  listed ip: SET 0 -- * * 0.0.0.0/0 0.0.0.0/0 add-set banned src exist
  listed ip6: SET 0 -- * * ::/0 ::/0 add-set banned src exist

rule: -A FORWARD -j SET --del-set banned dst
  saved: -A FORWARD -j SET --del-set banned dst
  listed ip: SET 0 -- * * 0.0.0.0/0 0.0.0.0/0 del-set banned dst
  listed ip6: SET 0 -- * * ::/0 ::/0 del-set banned dst

rule mangle: -A FORWARD -j SET --map-set banned src --map-mark --map-prio
  saved: -A FORWARD -j SET --map-set banned src --map-mark --map-prio
  listed ip: SET 0 -- * * 0.0.0.0/0 0.0.0.0/0 map-set banned src map-mark map-prio
  listed ip6: SET 0 -- * * ::/0 ::/0 map-set banned src map-mark map-prio

refused BPFC0004: -A INPUT -j SET --add-set s up
  marked: s
refused BPFC0004: -A INPUT -j SET
  marked: SET
