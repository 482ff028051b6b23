coverage nat: -j DNAT --to-destination 10.0.0.1
