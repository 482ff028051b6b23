coverage: -j SNPT --src-pfx fd00::/64 --dst-pfx 2001:db8::/64
