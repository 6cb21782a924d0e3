"""The node: what a kubelet and a container runtime do, with processes in place of containers.

It registers a Node, watches the pods bound to it and runs each container as a process in the pod's own network
namespace and in a root file system of its own. Requests and limits of CPU and memory are accepted for scheduling and
not enforced (there are no cgroups); what is not implemented at all is refused by name (`supported`).
"""
