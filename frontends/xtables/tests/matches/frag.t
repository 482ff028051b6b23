coverage: -m frag --fragfirst

rule ip6: -A INPUT -m frag --fragid 1:9 --fragfirst --fragmore -m frag ! --fragid 7 --fraglast --fragres
  saved: -A INPUT -m frag --fragid 1:9 --fragfirst --fragmore -m frag ! --fragid 7 --fragres --fraglast
  listed: 0 -- * * ::/0 ::/0 frag ids:1:9 first more frag id:!7 reserved last
