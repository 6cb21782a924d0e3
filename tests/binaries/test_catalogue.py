"""Every program has a true version and a place in its go.mod."""

import re

from cluster.binaries.catalogue import Program, catalogue


def test_every_built_program_is_a_tool_of_its_module() -> None:
    for program in catalogue():
        if isinstance(program, Program):
            text = (program.module.folder / "go.mod").read_text()
            assert re.search(rf"^(tool)?\s+{re.escape(program.package)}$", text, re.MULTILINE), program.name


def test_istio_is_named_after_the_commit_that_is_built() -> None:
    pilot = next(each for each in catalogue() if each.name == "pilot-discovery")
    assert isinstance(pilot, Program)
    assert pilot.module.version.endswith(pilot.version.rsplit(".", 1)[1])
    assert pilot.ldflags.endswith(f"buildVersion={pilot.version}")


def test_kubernetes_is_stamped_with_its_version() -> None:
    server = next(each for each in catalogue() if each.name == "kube-apiserver")
    assert isinstance(server, Program)
    assert f"version.gitVersion={server.module.version} " in server.ldflags
