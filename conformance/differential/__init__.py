"""The differential check: random configurations, one voice of the reference router, one of the real mesh."""
