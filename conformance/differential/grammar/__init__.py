"""A small grammar of Istio objects: one function per kind, each a handful of weighted choices."""
