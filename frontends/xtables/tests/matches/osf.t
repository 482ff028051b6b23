coverage: -p tcp -m osf --genre Linux

rule ip: -A INPUT -p tcp -m osf --genre Linux -m osf ! --genre OS/400 --ttl 1 --log 2
  saved: -A INPUT -p tcp -m osf --genre Linux -m osf ! --genre OS/400 --ttl 1 --log 2
  listed: 6 -- * * 0.0.0.0/0 0.0.0.0/0 OS fingerprint match Linux OS fingerprint match ! OS/400

rule ip: -A FORWARD -p tcp -m osf --log 0 --ttl 2 --genre 01234567890123456789012345678901
  saved: -A FORWARD -p tcp -m osf --genre 0123456789012345678901234567890 --ttl 2 --log 0
  listed: 6 -- * * 0.0.0.0/0 0.0.0.0/0 OS fingerprint match 0123456789012345678901234567890

refused ip BPFC0004: -A INPUT -p udp -m osf --genre Linux
  marked: osf
