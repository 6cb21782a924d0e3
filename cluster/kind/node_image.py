"""The node image: kind's own layout on the Debian root, Kubernetes' programs, and the control plane's images in it.

The steps are those of kind's base image and of `kind build node-image` (the module's images/base/Dockerfile and
pkg/build/nodeimage), with what they download replaced by what cluster/binaries pins.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
import threading
from collections.abc import Sequence
from pathlib import Path

from cluster.binaries.obtain import Programs
from cluster.kind import archive, recipes
from cluster.kind.archive import Entry, Start
from cluster.kind.docker import Docker, explained
from cluster.kind.owner import LABEL, name_of_mine
from cluster.kind.recipes import Context, Recipe

POD_NETWORK = "10.244.0.0/24"

PROGRAMS = (
    "kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubectl etcd coredns kubelet kubeadm containerd "
    "containerd-shim-runc-v2 ctr runc host-local loopback ptp portmap crictl kind-base-files.tar pause.c"
).split()

_PLACES = {
    "kubelet": "usr/bin",
    "kubeadm": "usr/bin",
    "kubectl": "usr/bin",
    "containerd": "usr/local/bin",
    "containerd-shim-runc-v2": "usr/local/bin",
    "ctr": "usr/local/bin",
    "crictl": "usr/local/bin",
    "runc": "usr/local/sbin",
    "host-local": "opt/cni/bin",
    "loopback": "opt/cni/bin",
    "ptp": "opt/cni/bin",
    "portmap": "opt/cni/bin",
}

# One node needs no network between nodes: a veth pair for each pod, addresses from one range. The file has the name
# of kindnet's own, so that only one of the two is ever there.
_CNI = {
    "cniVersion": "0.3.1",
    "name": "kindnet",
    "plugins": [
        {
            "type": "ptp",
            "ipMasq": False,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/cni-ipam-state",
                "routes": [{"dst": "0.0.0.0/0"}],
                "ranges": [[{"subnet": POD_NETWORK}]],
            },
        },
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ],
}

# Nothing here asks for a volume; kind wants a storage class.
_STORAGE = b"""\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: standard
  annotations: {storageclass.kubernetes.io/is-default-class: "true"}
provisioner: kubernetes.io/no-provisioner
"""

# Like the Dockerfile of kind's base image, step by step; then the images on standard input, as kind preloads them.
_SCRIPT = r"""
set -eu
find /lib/systemd/system/sysinit.target.wants/ -name systemd-tmpfiles-setup.service -delete
rm -f /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/*
rm -f /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/sockets.target.wants/*udev*
rm -f /lib/systemd/system/sockets.target.wants/*initctl* /lib/systemd/system/basic.target.wants/*
echo ReadKMsg=no >> /etc/systemd/journald.conf
ln -sf /usr/lib/systemd/systemd /sbin/init
systemctl enable kubelet.service containerd.service undo-mount-hacks.service
systemctl mask systemd-binfmt.service
ctr oci spec | jq '.hooks.createContainer[.hooks.createContainer | length] |= . +
    {"path": "/kind/bin/mount-product-files.sh"}' | jq 'del(.process.rlimits)' > /etc/containerd/cri-base.json
sed -i 's#sandbox_image = .*#sandbox_image = "PAUSE"#' /etc/containerd/config.toml
containerd > /tmp/containerd.log 2>&1 &
pid=$!
for attempt in $(seq 300); do ctr version > /dev/null 2>&1 && break; sleep 0.1; done
ctr --namespace=k8s.io images import --all-platforms --no-unpack --digests - || { cat /tmp/containerd.log; exit 1; }
kill $pid
wait $pid || true
rm -f /tmp/containerd.log
sync
"""


def pause_version(programs: Programs) -> str:
    """The one that this kubeadm names."""
    words = ["config", "images", "list", "--kubernetes-version", programs["kubeadm"].version]
    done = subprocess.run([str(programs["kubeadm"].path), *words], capture_output=True, text=True, check=True)
    found = re.search(r"/pause:(\S+)", done.stdout)
    assert found, "kubeadm names no pause image"
    return found[1]


def write(context: Context, reference: str, docker: Docker, result: Path) -> None:
    """The archive of the node image, through the daemon; raises ClusterError. Leaves the image in the daemon."""
    pause = pause_version(context.programs)
    # systemd asks the environment whether it is in a container, and takes this signal as the order to end.
    start = Start(("/bin/sh",), environment={**recipes.PATH, "container": "docker"}, stop_signal="SIGRTMIN+3")
    base = Recipe("node-base", f"{reference}-base", start, _node_entries)
    parts: list[Path] = []
    for recipe in (base, *recipes.control_plane(context.programs, pause)):
        path = context.workspace / f"{recipe.name}.tar"
        recipe.write(context, path)
        parts.append(path)
    docker.run("load", "--input", str(parts[0]))
    parts.pop(0).unlink()
    container = name_of_mine()
    script = _SCRIPT.replace("PAUSE", recipes.pause_reference(pause))
    run = ["run", "--interactive", "--name", container, "--label", f"{LABEL}={container}", "--network", "none"]
    unconfined = ["--security-opt", "seccomp=unconfined", "--entrypoint", "/bin/bash"]
    try:
        _feed(docker, [*run, *unconfined, base.reference, "-c", script], parts)
        entrypoint = 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]'
        docker.run("commit", "--change", entrypoint, container, reference)
    finally:
        docker.try_run("rm", "--force", "--volumes", container)
        docker.try_run("image", "rm", base.reference)
    docker.run("save", "--output", str(result), reference)


def _feed(docker: Docker, words: Sequence[str], archives: Sequence[Path]) -> None:
    feed([docker.program, *words], docker, archives)


def feed(command: Sequence[str | Path], docker: Docker, archives: Sequence[Path]) -> None:
    """Runs a command with the archives, merged, on its standard input; raises ClusterError."""
    with subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=docker.environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        said: list[bytes] = []
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()))  # type: ignore[union-attr]
        reader.start()
        try:
            archive.merge(archives, process.stdin)
            process.stdin.close()
        except BrokenPipeError:
            # What it says, below, is why it stopped reading.
            pass
        process.wait()
        reader.join()
    if process.returncode:
        raise explained("importing images", b"".join(said).decode(errors="replace"))


def _node_entries(context: Context) -> list[Entry]:
    programs = [Entry(f"{place}/{name}", context.programs[name].path, 0o755) for name, place in _PLACES.items()]
    version = context.programs["kubelet"].version
    return [
        *programs,
        *_base_files(recipes.base_files(context.programs)),
        Entry("kind/version", version.encode()),
        Entry("kind/manifests/default-storage.yaml", _STORAGE),
        Entry("etc/cni/net.d/10-kindnet.conflist", json.dumps(_CNI).encode()),
        Entry("etc/kubernetes/manifests/.keep", b""),
    ]


def _base_files(path: Path) -> list[Entry]:
    """Kind's own files with the modes that its Dockerfile gives them."""
    made = []
    with tarfile.open(path) as files:
        for member in files:
            target = os.path.normpath(member.name)
            content = files.extractfile(member) if member.isfile() else None
            if content is not None:
                runs = target.startswith(("usr/local/bin/", "kind/bin/"))
                made.append(Entry(target, content.read(), 0o755 if runs else 0o644))
    return made
