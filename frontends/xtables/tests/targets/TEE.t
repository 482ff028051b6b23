coverage: -j TEE --gateway 10.0.0.1
