coverage: -j IDLETIMER --timeout 60 --label web
