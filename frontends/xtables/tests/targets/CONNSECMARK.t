coverage: -j CONNSECMARK --save
