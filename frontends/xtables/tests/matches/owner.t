coverage: -m owner --uid-owner 1000

rule: -A OUTPUT -m owner ! --uid-owner 0-5 -m owner --gid-owner root --suppl-groups -j DROP
  saved: -A OUTPUT -m owner ! --uid-owner 0-5 -m owner --gid-owner 0 --suppl-groups -j DROP
  listed ip: DROP 0 -- * * 0.0.0.0/0 0.0.0.0/0 ! owner UID match 0-5 owner GID match 0 incl. suppl. groups
  listed ip6: DROP 0 -- * * ::/0 ::/0 ! owner UID match 0-5 owner GID match 0 incl. suppl. groups

rule: -A OUTPUT -m owner ! --socket-exists -m owner --socket-exists --uid-owner 0x7 ! --gid-owner 9
  saved: -A OUTPUT -m owner ! --socket-exists -m owner --socket-exists --uid-owner 7 ! --gid-owner 9
  listed ip: 0 -- * * 0.0.0.0/0 0.0.0.0/0 ! owner socket exists owner socket exists owner UID match 7 ! owner GID match 9
  listed ip6: 0 -- * * ::/0 ::/0 ! owner socket exists owner socket exists owner UID match 7 ! owner GID match 9

refused ip BPFC0004: -A U -m owner --suppl-groups --gid-owner 5
  marked: owner
