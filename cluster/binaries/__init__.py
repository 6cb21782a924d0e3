"""The real programs of a cluster: which ones, at which version, and how they come to this machine."""
