"""A real kind cluster with the same Istio and the same manifests as the embedded one, made without any registry."""
