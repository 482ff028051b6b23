coverage: -m ipvs --ipvs
