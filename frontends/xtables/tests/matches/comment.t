coverage: -m comment --comment web

rule: -A INPUT -m comment --comment plain-word_1 -m comment --comment "two words"
  saved: -A INPUT -m comment --comment plain-word_1 -m comment --comment "two words"
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 /* plain-word_1 */ /* two words */
  listed ip6: 0 -- * * ::/0 ::/0 /* plain-word_1 */ /* two words */

rule: -A INPUT -m comment --comment "it's \"so\" \\ far" -m comment --comment ""
  saved: -A INPUT -m comment --comment "it\'s \"so\" \\ far" -m comment --comment ""
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 /* it's "so" \ far */ /* */
  listed ip6: 0 -- * * ::/0 ::/0 /* it's "so" \ far */ /* */

test: -m comment --comment nothing
  hit: ip udp
  hit: ip6 tcp

refused BPFC0004: -A INPUT -m comment
  marked: comment
