coverage raw: -j CT --notrack
