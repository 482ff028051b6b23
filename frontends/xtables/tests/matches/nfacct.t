coverage: -m nfacct --nfacct-name web

refused ip BPFC0006: -A INPUT -m nfacct --nfacct-name x -j DROP
  marked: nfacct
