coverage nat: -j MASQUERADE
