"""Kubernetes with Istio as plain processes inside one private network, mount and PID namespace; no containers."""
