"""Addresses and folders inside the private world of one embedded cluster: one place per fact.

The network exists only in the cluster's own network namespace, so the numbers never meet the host's.
"""

from pathlib import Path

# A tmpfs of the world's own mount namespace: it vanishes with the last process, whatever killed it.
HOME = Path("/run/cluster")
LOGS = HOME / "logs"
PODS = HOME / "pods"
KUBECONFIG = HOME / "kubeconfig"

NODE_NAME = "embedded"
NODE_ADDRESS = "172.30.0.1"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
# What a pod sees as its gateway; link-local, so that every veth pair can carry it.
POD_GATEWAY = "169.254.1.1"
CLUSTER_DOMAIN = "cluster.local"

API_PORT = 6443
KUBELET_PORT = 10250
API_URL = f"https://{NODE_ADDRESS}:{API_PORT}"
# NodePorts of the ingress gateway, as manifests/istio/values.yaml sets them.
INGRESS_HTTP_PORT = 30080
INGRESS_HTTPS_PORT = 30443
