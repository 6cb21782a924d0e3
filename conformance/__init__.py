"""A conformance harness for Istio traffic management; README.md has the picture of its parts."""
