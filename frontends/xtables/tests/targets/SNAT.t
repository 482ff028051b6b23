coverage nat: -j SNAT --to-source 10.0.0.1
