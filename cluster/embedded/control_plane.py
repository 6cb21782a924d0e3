"""The real programs of the control plane, as they are: command lines and configuration files."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from cluster.embedded import layout
from cluster.embedded.certificates import Credentials

# kube-apiserver has been up after 2.2-2.9 s here; a machine ten times slower still gets there.
_READY_SECONDS = 60


class ProgramDied(Exception):  # noqa: N818 - says what happened; binaries.ProgramError is another matter
    """A program of the control plane ended; the message quotes the end of its log."""


@dataclass(frozen=True)
class Command:
    name: str
    arguments: tuple[str, ...]


def etcd() -> Command:
    address = "http://127.0.0.1:2379"
    return Command(
        "etcd",
        (
            f"--data-dir={layout.HOME / 'etcd'}",
            f"--listen-client-urls={address}",
            f"--advertise-client-urls={address}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            # The data never outlives the cluster, so there is nothing to protect from a power cut.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
    )


def api_server(credentials: Credentials) -> Command:
    return Command(
        "kube-apiserver",
        (
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={layout.NODE_ADDRESS}",
            f"--secure-port={layout.API_PORT}",
            f"--service-cluster-ip-range={layout.SERVICE_NETWORK}",
            f"--tls-cert-file={credentials.api_server}",
            f"--tls-private-key-file={credentials.api_server}",
            f"--token-auth-file={credentials.tokens}",
            f"--service-account-key-file={credentials.service_account_key}",
            f"--service-account-signing-key-file={credentials.service_account_key}",
            f"--service-account-issuer=https://kubernetes.default.svc.{layout.CLUSTER_DOMAIN}",
            "--authorization-mode=RBAC",
            f"--cert-dir={layout.HOME / 'api-server'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged=true",
        ),
    )


def controller_manager(credentials: Credentials) -> Command:
    # Without the controllers that would judge the node's health or look for a cloud.
    without = ("node-lifecycle-controller", "taint-eviction-controller", "cloud-node-lifecycle-controller")
    return Command(
        "kube-controller-manager",
        (
            f"--kubeconfig={layout.KUBECONFIG}",
            f"--service-account-private-key-file={credentials.service_account_key}",
            f"--root-ca-file={credentials.authority}",
            f"--controllers=*,{','.join('-' + name for name in without)}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            # More pods, endpoints and objects in their first second than the defaults of 20 and 30 let through.
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ),
    )


def scheduler() -> Command:
    return Command(
        "kube-scheduler",
        (
            f"--kubeconfig={layout.KUBECONFIG}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
        ),
    )


def kube_proxy() -> Command:
    # minSyncPeriod has no flag; its default of 1 s delays every new Service and endpoint by that much.
    configuration = layout.HOME / "kube-proxy.yaml"
    configuration.write_text(
        f"""\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: {layout.NODE_NAME}
clusterCIDR: {layout.POD_NETWORK}
clientConnection:
  kubeconfig: {layout.KUBECONFIG}
nftables: {{minSyncPeriod: 50ms}}
conntrack: {{maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
metricsBindAddress: 127.0.0.1:10249
healthzBindAddress: 127.0.0.1:10256
"""
    )
    return Command("kube-proxy", (f"--config={configuration}",))


def coredns(outside: str) -> Command:
    """`outside` holds the rewrites of manifests/outside.coredns: names of the internet that live in the cluster."""
    corefile = layout.HOME / "Corefile"
    # An empty root zone: every name that is not the cluster's does not exist, rather than "try again later".
    root_zone = layout.HOME / "root.zone"
    root_zone.write_text(". 60 IN SOA ns.invalid. nobody.invalid. 1 60 60 60 60\n. 60 IN NS ns.invalid.\n")
    corefile.write_text(
        f""".:53 {{
    bind {layout.NODE_ADDRESS}
    errors
{_indented(outside)}
    kubernetes {layout.CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {layout.KUBECONFIG}
        ttl 0
    }}
    file {root_zone} .
}}
"""
    )
    return Command("coredns", (f"-conf={corefile}",))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


class Programs:
    """Starts programs and notices when one of them dies."""

    def __init__(self, paths: Mapping[str, Path], died: Callable[[str], None]) -> None:
        self._paths = paths
        self._died = died

    def start(self, command: Command) -> None:
        log = layout.LOGS / f"{command.name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [self._paths[command.name], *command.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=layout.HOME,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, args=(command.name, process, log), daemon=True).start()

    def _watch(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        code = process.wait()
        last = "\n    ".join(log.read_text(errors="replace").splitlines()[-5:])
        self._died(f"{name} ended with exit code {code}; the end of its log:\n    {last}")


def wait_for_api(authority: Path) -> None:
    """Returns when the API server says it is ready; raises ProgramDied when it does not in time."""
    deadline = time.monotonic() + _READY_SECONDS
    with httpx.Client(verify=ssl.create_default_context(cafile=str(authority)), trust_env=False) as client:
        while time.monotonic() < deadline:
            try:
                if client.get(f"{layout.API_URL}/readyz").status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
    raise ProgramDied(f"kube-apiserver was not ready after {_READY_SECONDS} s; see {layout.LOGS}")
