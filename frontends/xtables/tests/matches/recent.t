coverage: -m recent --name ssh --update --seconds 60 --hitcount 4

rule: -A INPUT -m recent --set -m recent ! --rcheck --seconds 60 --hitcount 4 --rttl --reap
  saved ip: -A INPUT -m recent --set --name DEFAULT --mask 255.255.255.255 --rsource -m recent ! --rcheck --seconds 60 --reap --hitcount 4 --rttl --name DEFAULT --mask 255.255.255.255 --rsource
  saved ip6: -A INPUT -m recent --set --name DEFAULT --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource -m recent ! --rcheck --seconds 60 --reap --hitcount 4 --rttl --name DEFAULT --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 recent: SET name: DEFAULT side: source mask: 255.255.255.255 ! recent: CHECK seconds: 60 reap hit_count: 4 TTL-Match name: DEFAULT side: source mask: 255.255.255.255
  listed ip6: 0 -- * * ::/0 ::/0 recent: SET name: DEFAULT side: source mask: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ! recent: CHECK seconds: 60 reap hit_count: 4 TTL-Match name: DEFAULT side: source mask: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff

rule: -A INPUT -m recent --update --name a --rdest --seconds 5 -m recent ! --remove --rsource
  saved ip: -A INPUT -m recent --update --seconds 5 --name a --mask 255.255.255.255 --rdest -m recent ! --remove --name DEFAULT --mask 255.255.255.255 --rsource
  saved ip6: -A INPUT -m recent --update --seconds 5 --name a --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rdest -m recent ! --remove --name DEFAULT --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 recent: UPDATE seconds: 5 name: a side: dest mask: 255.255.255.255 ! recent: REMOVE name: DEFAULT side: source mask: 255.255.255.255
  listed ip6: 0 -- * * ::/0 ::/0 recent: UPDATE seconds: 5 name: a side: dest mask: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ! recent: REMOVE name: DEFAULT side: source mask: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff

rule: -A INPUT -m recent --rcheck --mask % --hitcount 0 --name b -m recent --update --hitcount 70
  saved ip: -A INPUT -m recent --rcheck --name b --mask 198.51.100.77 --rsource -m recent --update --hitcount 70 --name DEFAULT --mask 255.255.255.255 --rsource
  saved ip6: -A INPUT -m recent --rcheck --name b --mask fe80:0:0:1::77 --rsource -m recent --update --hitcount 70 --name DEFAULT --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 recent: CHECK name: b side: source mask: 198.51.100.77 recent: UPDATE hit_count: 70 name: DEFAULT side: source mask: 255.255.255.255
  listed ip6: 0 -- * * ::/0 ::/0 recent: CHECK name: b side: source mask: fe80:0:0:1::77 recent: UPDATE hit_count: 70 name: DEFAULT side: source mask: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff

refused BPFC0004: -A INPUT -m recent --set --rcheck
  marked: --rcheck
refused BPFC0004: -A INPUT -m recent --rttl
  marked: recent
