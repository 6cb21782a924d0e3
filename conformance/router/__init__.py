"""The reference router: an executable model of what sidecar-mode Istio does with a request."""
