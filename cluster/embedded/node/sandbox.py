"""What the containers of a pod share: its network, its names in /etc, its volumes; and what each is made of there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.embedded import layout
from cluster.embedded.node import network, volumes
from cluster.embedded.node.environment import command_line, environment, expand
from cluster.embedded.node.images import Image
from cluster.embedded.node.network import PodNetwork
from cluster.embedded.node.process import Bind, ConfigurationProblem, Recipe, identity

Object = Mapping[str, Any]

_SERVICES = f"svc.{layout.CLUSTER_DOMAIN}"
_USERS = "root:x:0:0::/:/bin/sh\nistio-proxy:x:1337:1337::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n"
_GROUPS = "root:x:0:\nistio-proxy:x:1337:\napp:x:1000:\n"


@dataclass(frozen=True)
class Sandbox:
    """`folder` holds `etc` and `volumes`; `source` reads what the volumes and the variables are filled from."""

    folder: Path
    network: PodNetwork
    source: volumes.Source

    def write_etc(self, pod: Object) -> None:
        metadata = pod["metadata"]
        name = metadata["name"]
        etc = self.folder / "etc"
        etc.mkdir(parents=True)
        search = f"{metadata['namespace']}.{_SERVICES} {_SERVICES} {layout.CLUSTER_DOMAIN}"
        resolver = f"search {search}\nnameserver {layout.NODE_ADDRESS}\noptions ndots:5\n"
        (etc / "resolv.conf").write_text(resolver)
        (etc / "hosts").write_text(f"127.0.0.1\tlocalhost\n::1\tlocalhost\n{self.network.address}\t{name}\n")
        (etc / "hostname").write_text(f"{name}\n")
        (etc / "passwd").write_text(_USERS)
        (etc / "group").write_text(_GROUPS)

    def fill_volumes(self, pod: Object) -> None:
        """Makes the volumes, or brings them up to date; raises MissingReference while an object is absent."""
        group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
        for volume in pod["spec"].get("volumes") or ():
            folder = self.folder / "volumes" / volume["name"]
            files = volumes.contents(volume, pod, self.source)
            is_new = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            if files is None and is_new:
                if group is not None:
                    os.chown(folder, -1, group)
                # With the group inherited by what is made inside.
                folder.chmod(0o777 if group is None else 0o2777)
            elif files is not None:
                volumes.write(folder, files, group)

    def recipe(self, container: Object, pod: Object, image: Image) -> Recipe:
        """Raises MissingReference or ConfigurationProblem when the container cannot be made now."""
        metadata = pod["metadata"]
        builtin = {
            **image.environment,
            "HOSTNAME": metadata["name"],
            "KUBERNETES_SERVICE_HOST": layout.API_SERVICE_ADDRESS,
            "KUBERNETES_SERVICE_PORT": "443",
        }
        variables = environment(container, pod, self.source.text, builtin)
        security = container.get("securityContext") or {}
        return Recipe(
            name=container["name"],
            command=command_line(container, image.entrypoint, variables),
            variables=variables,
            identity=identity(container, pod, image),
            image=image,
            binds=tuple(self._bind(mount, pod, variables) for mount in container.get("volumeMounts") or ()),
            network=self.network,
            hostname=pod["spec"].get("hostname") or metadata["name"],
            working_directory=container.get("workingDir") or image.working_directory,
            read_only_root=bool(security.get("readOnlyRootFilesystem")),
            etc=self.folder / "etc",
        )

    def _bind(self, mount: Object, pod: Object, variables: Mapping[str, str]) -> Bind:
        source = self.folder / "volumes" / mount["name"]
        if mount.get("subPath"):
            source = source / expand(mount["subPath"], variables)
            if not source.resolve().is_relative_to(self.folder.resolve()):
                raise ConfigurationProblem(f"subPath {mount['subPath']} leaves its volume")
            if not source.exists():
                source.mkdir(parents=True)
        # What the API server fills is read-only inside, whatever the mount says.
        volume = next(each for each in pod["spec"]["volumes"] if each["name"] == mount["name"])
        return Bind(source, mount["mountPath"], is_filled(volume) or bool(mount.get("readOnly")))

    def remove(self) -> None:
        network.remove(self.network)
        shutil.rmtree(self.folder, ignore_errors=True)


def is_filled(volume: Object) -> bool:
    """Whether the volume shows objects of the API server, which may change."""
    return "emptyDir" not in volume
