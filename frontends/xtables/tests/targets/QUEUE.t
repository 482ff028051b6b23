coverage: -j QUEUE
