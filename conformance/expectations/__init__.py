"""The register of known deviations (register.yaml): of documents, and of Istio versions."""
