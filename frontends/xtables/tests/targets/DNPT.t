coverage: -j DNPT --src-pfx 2001:db8::/64 --dst-pfx fd00::/64
