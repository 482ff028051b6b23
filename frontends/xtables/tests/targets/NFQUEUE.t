coverage: -j NFQUEUE --queue-num 1

refused ip BPFC0006: -A INPUT -j NFQUEUE --queue-num 1
  marked: NFQUEUE
  taken: it is not supported
