coverage: -j AUDIT --type drop
