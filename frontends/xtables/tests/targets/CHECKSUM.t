coverage: -j CHECKSUM --checksum-fill
