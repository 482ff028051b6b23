coverage filter: -p tcp -j SYNPROXY --mss 1460
