"""A pod's network: a network namespace, a veth pair with /32 addresses and routes; no bridge, no plugin."""

from __future__ import annotations

import ipaddress
import itertools
import subprocess
import threading
from dataclasses import dataclass

from cluster.embedded.layout import NODE_ADDRESS, POD_GATEWAY, POD_NETWORK


@dataclass(frozen=True)
class PodNetwork:
    """`namespace` is a name of `ip netns`; `address` is the pod's only address besides loopback."""

    namespace: str
    address: str

    @property
    def enter(self) -> list[str]:
        """The command prefix that runs a program in this network."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}"]


class Addresses:
    """Hands out pod addresses in turn; a world ends long before the /16 does."""

    def __init__(self) -> None:
        hosts = ipaddress.ip_network(POD_NETWORK).hosts()
        # .1 is what readers of `ip route` expect a gateway to be: leave it out.
        self._hosts = itertools.islice(hosts, 1, None)
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def next(self) -> tuple[int, str]:
        with self._lock:
            return next(self._numbers), str(next(self._hosts))


# Pairs of a name and a value; the files and not `sysctl`, which small installations lack.
_WRITE_SYSCTLS = """
while [ $# -gt 0 ]; do echo "$2" > "/proc/sys/$(echo "$1" | tr . /)"; shift 2; done
"""


def _run(*command: str, stdin: str | None = None) -> None:
    subprocess.run(command, input=stdin, text=True, check=True, capture_output=True)


def create(addresses: Addresses, sysctls: dict[str, str]) -> PodNetwork:
    """Makes the namespace, both ends of the cable, the routes and the kernel settings the pod asked for."""
    number, address = addresses.next()
    name, host_end = f"pod{number}", f"veth{number}"
    _run("ip", "netns", "add", name)
    _run(
        "ip",
        "-batch",
        "-",
        stdin=f"""\
link add {host_end} type veth peer name eth0 netns {name}
address add {POD_GATEWAY}/32 dev {host_end}
link set {host_end} up
route add {address}/32 dev {host_end} src {NODE_ADDRESS}
""",
    )
    _run(
        "ip",
        "-netns",
        name,
        "-batch",
        "-",
        stdin=f"""\
link set lo up
address add {address}/32 dev eth0
link set eth0 up
route add {POD_GATEWAY}/32 dev eth0
route add default via {POD_GATEWAY} dev eth0
""",
    )
    network = PodNetwork(name, address)
    # Container runtimes let every user bind port 80 in a pod's own network (containerd's enable_unprivileged_ports).
    settings = {"net.ipv4.ip_unprivileged_port_start": "0", **sysctls}
    try:
        _run(*network.enter, "sh", "-ec", _WRITE_SYSCTLS, "sh", *itertools.chain(*settings.items()))
    except subprocess.CalledProcessError:
        remove(network)
        raise
    return network


def remove(network: PodNetwork) -> None:
    """Deletes the namespace; the veth pair goes with it."""
    subprocess.run(["ip", "netns", "delete", network.namespace], check=False, capture_output=True)
