"""The cluster's first real process: starts the control plane and the node, and tells the owner how far it is.

Reports are JSON lines on standard output: {"step": …} while it starts, {"ready": …} once, {"failed": …} at the end.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from cluster.api import Api
from cluster.embedded import certificates, control_plane, layout, relay
from cluster.embedded.node import logs
from cluster.embedded.node.images import images
from cluster.embedded.node.node import Dispatcher, register
from cluster.embedded.node.settings import NodeSettings

_TARGETS = {
    "api": (layout.NODE_ADDRESS, layout.API_PORT),
    "http": (layout.NODE_ADDRESS, layout.INGRESS_HTTP_PORT),
    "https": (layout.NODE_ADDRESS, layout.INGRESS_HTTPS_PORT),
}

_reporting = threading.Lock()


def _report(message: dict[str, Any]) -> None:
    with _reporting:
        # The owner of a kept cluster is gone long before the cluster is.
        try:
            print(json.dumps(message), flush=True)
        except (BrokenPipeError, OSError):
            return


def _failed(problem: str) -> None:
    _report({"failed": problem})
    print(problem, file=sys.stderr, flush=True)
    os._exit(1)


def main() -> None:
    settings = json.loads(sys.argv[1])
    paths = {name: Path(path) for name, path in settings["programs"].items()}
    try:
        _start(settings, paths)
    except control_plane.ProgramDied as error:
        _failed(str(error))


def _start(settings: dict[str, Any], paths: dict[str, Path]) -> None:
    begun = time.monotonic()

    def step(name: str) -> None:
        _report({"step": name, "seconds": round(time.monotonic() - begun, 2)})

    relay.start({descriptor: _TARGETS[name] for name, descriptor in settings["listeners"].items()})
    threading.Thread(target=logs.keep_short, args=(layout.LOGS,), daemon=True, name="logs").start()
    credentials = certificates.create(layout.HOME / "certificates")
    # Relative, so that both files can also be read from outside, through /proc/PID/root.
    authority = str(credentials.authority.relative_to(layout.HOME))
    layout.KUBECONFIG.write_text(certificates.kubeconfig(layout.API_URL, authority, credentials.admin_token))
    (layout.HOME / "kubeconfig-outside").write_text(
        certificates.kubeconfig(settings["api_url"], authority, credentials.admin_token)
    )
    programs = control_plane.Programs(paths, _failed)
    programs.start(control_plane.etcd())
    programs.start(control_plane.api_server(credentials))
    control_plane.wait_for_api(credentials.authority)
    step("Kubernetes API")
    api = Api(layout.KUBECONFIG)
    register(api, settings["kubernetes_version"])
    for command in (
        control_plane.controller_manager(credentials),
        control_plane.scheduler(),
        control_plane.kube_proxy(),
        control_plane.coredns(settings["outside_names"]),
    ):
        programs.start(command)
    dispatcher = Dispatcher(api, images(paths), NodeSettings(**settings["node"]))
    dispatcher.serve_logs(credentials.api_server)
    _report({"ready": {"seconds": round(time.monotonic() - begun, 2)}})
    dispatcher.run()


if __name__ == "__main__":
    main()
