coverage: -p tcp -j TPROXY --on-port 8080
