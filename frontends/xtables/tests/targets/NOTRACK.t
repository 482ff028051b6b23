coverage raw: -j NOTRACK
