coverage: -m rateest --rateest web --rateest-gt --rateest-bps 1mbit
