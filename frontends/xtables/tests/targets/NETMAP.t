coverage nat: -j NETMAP --to 10.0.0.0/24
