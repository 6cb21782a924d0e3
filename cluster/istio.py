"""Istio, installed the same way on every cluster: what istioctl's own manifests say, applied as it is."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from cluster.api import Api, Object
from cluster.model import ClusterError
from cluster.readiness import wait_until_available

VALUES = Path(__file__).resolve().parents[1] / "manifests" / "istio"

# What each overlay means for whoever reads a verdict; shown in the header of every run.
UPSTREAM_ENVOY = (
    "the data plane is the Envoy project's own build, without Istio's filters: ALPN rewriting, metadata exchange and "
    "Istio's metrics are off, so every port must declare its protocol"
)

Progress = Callable[[str], None]


def manifests(istioctl: Path, overlays: Sequence[str], cache: Path, settings: Sequence[str] = ()) -> list[Object]:
    """What `istioctl manifest generate` prints for our values, as objects. `settings` are words of --set.

    It needs no cluster and depends only on the program and the files, so it is kept by their content.
    """
    files = [VALUES / "values.yaml", *(VALUES / f"{name}.yaml" for name in overlays)]
    size = str(istioctl.stat().st_size)
    words = [str(istioctl), size, *settings]
    content = b"\0".join([*(word.encode() for word in words), *(file.read_bytes() for file in files)])
    kept = cache / "istio" / f"{hashlib.sha256(content).hexdigest()[:16]}.json"
    if kept.exists():
        objects: list[Object] = json.loads(kept.read_text())
        return objects
    arguments = [word for file in files for word in ("-f", str(file))]
    arguments += [word for setting in settings for word in ("--set", setting)]
    done = subprocess.run(
        [istioctl, "manifest", "generate", *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode:
        raise ClusterError(
            f"istioctl manifest generate refused the values: {done.stderr.strip()[-1000:]}",
            f"Look at {', '.join(map(str, files))}",
        )
    # istioctl's own output, so the fast loader may read it.
    objects = [each for each in yaml.load_all(done.stdout, Loader=yaml.CSafeLoader) if each]
    kept.parent.mkdir(parents=True, exist_ok=True)
    unfinished = kept.with_suffix(f".{id(objects)}")
    unfinished.write_text(json.dumps(objects))
    unfinished.replace(kept)
    return objects


def install(api: Api, objects: Sequence[Object], progress: Progress) -> None:
    """Applies the manifests and waits for istiod and both gateways; raises ClusterError when they do not come up."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "istio-system"}}
    api.apply_all([namespace, *objects])
    progress(f"{len(objects)} objects of Istio applied")
    wait_until_available(api, "istio-system", ["istiod", "istio-ingressgateway", "istio-egressgateway"])
