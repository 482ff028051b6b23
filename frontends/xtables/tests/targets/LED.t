coverage: -j LED --led-trigger-id web
