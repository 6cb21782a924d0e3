"""Where a Kubernetes with Istio comes from. The harness sees only what `cluster.model` names."""
