coverage nat: -p tcp -j REDIRECT --to-ports 8080
