coverage: -j ULOG
