coverage: -j RATEEST --rateest-name web --rateest-interval 250ms --rateest-ewma 0.5s
