coverage: -j HMARK --hmark-tuple src,dst --hmark-mod 4 --hmark-rnd 1
