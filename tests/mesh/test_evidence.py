"""Evidence of a scenario that is not green: all of it, bounded, and never a reason for another verdict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from conformance.judgement.expectation import CaseExpectation
from conformance.judgement.findings import Finding
from conformance.judgement.history import Answer, Exchange, Seen
from conformance.judgement.judge import judge
from conformance.judgement.verdict import Verdict
from conformance.judgement.whole import Recorded
from conformance.language.load import Loaded, load_scenario
from conformance.mesh import evidence as module
from conformance.mesh.evidence import Evidence, Staged
from conformance.mesh.istiod import after
from conformance.mesh.workloads import Pod, Question
from conformance.run import WorkerSite

SCENARIO = """\
id: area/one
title: one
source: {document: 001, section: "1", claim: one}
app: bookinfo
config:
- apiVersion: networking.istio.io/v1
  kind: Sidecar
  metadata: {name: one, namespace: default}
  spec: {egress: [{hosts: ["*/*"]}]}
cases:
- name: root
  from: client
  request: {get: http://reviews:9080/}
  expect: {status: 200, answered_by: reviews-v1}
"""
SEEN = Seen("reviews-v2", "reviews-v2-x", "GET", "/", "reviews", (), None, 1.0)


def exchange(status: int) -> Exchange:
    answer = Answer(status, (("x-answered-by", "reviews-v2"),), "", "1.1")
    return Exchange("run-0001", "root", "client", "GET", "http://reviews:9080/", (), 1.0, 0.1, answer, None, (SEEN,))


class FakeMesh:
    """What Evidence asks: the API server, the pods and istiod."""

    def __init__(self, *, broken: bool = False, size: int = 10) -> None:
        self.broken = broken
        self.size = size

    def pods(self, namespace: str) -> tuple[Pod, ...]:
        names = ("client", "details-v1", "reviews-v1", "reviews-v2") if namespace == "default" else ()
        return tuple(
            Pod(namespace, f"{name}-x", "10.0.0.1", name.split("-")[0], name, has_proxy=True) for name in names
        )

    def items(self, *_: Any) -> list[dict[str, Any]]:
        about = {"kind": "Pod", "name": "one"}
        return [{"metadata": {}, "involvedObject": about, "reason": "Killed", "message": "m", "eventTime": "1"}]

    def journals(self, pods: Sequence[Pod], prefix: str) -> list[list[dict[str, Any]]]:
        return [[{"token": f"{prefix}-0001"}] for _ in pods]

    def answers(self, questions: Sequence[Question]) -> list[str | None]:
        return [None if self.broken else "x" * self.size for _ in questions]

    def log(self) -> bytes:
        return b"2020-01-01T00:00:00.000000Z\tinfo\told\n2099-01-01T00:00:00.000000Z\tinfo\tnew\n"


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    path = tmp_path / "one.yaml"
    path.write_text(SCENARIO)
    return load_scenario(path)


def look(loaded: Loaded, run: Path, fake: FakeMesh, status: int = 503, problem: str | None = None) -> Evidence:
    expected = [CaseExpectation(case.name, case.expect.expected()) for case in loaded.scenario.cases]

    def judged(_: frozenset[str], recorded: Recorded) -> tuple[Finding, ...]:
        return judge("area/one", expected, recorded.exchanges)

    mesh = cast("Any", fake)
    evidence = Evidence(mesh, mesh, mesh, loaded, run, judged, lambda _: "because")
    (stage,) = loaded.scenario.stages
    exchanges = () if problem else (exchange(status),)
    evidence.look(Staged(1, stage, stage.config, Recorded(exchanges), problem))
    return evidence


def test_everything_that_can_explain_it_is_there(loaded: Loaded, tmp_path: Path) -> None:
    evidence = look(loaded, tmp_path / "run", FakeMesh())

    folder = tmp_path / "run" / evidence.name
    assert evidence.name == "evidence/area.one"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        "contents.txt", "events.yaml", "exchanges.json", "findings.txt", "istiod.log", "objects.yaml", "router.txt",
        *(f"{kind}/default.{pod}-x.json" for kind in ("journals", "proxies")
          for pod in ("client", "reviews-v1", "reviews-v2")),
    }  # fmt: skip
    assert "answered-by" in (folder / "findings.txt").read_text()
    assert (folder / "istiod.log").read_text().endswith("new\n")
    assert "old" not in (folder / "istiod.log").read_text()
    assert "kind: Sidecar" in (folder / "objects.yaml").read_text()


def test_of_a_scenario_that_is_green_nothing_is_taken(tmp_path: Path, loaded: Loaded) -> None:
    (case,) = loaded.scenario.cases
    green = case.model_copy(update={"expect": case.expect.model_copy(update={"answered_by": "reviews-v2"})})
    scenario = loaded.scenario.model_copy(update={"cases": (green,)})

    evidence = look(Loaded(scenario, loaded.source), tmp_path / "run", FakeMesh(), status=200)

    assert evidence.name == ""
    assert not (tmp_path / "run").exists()


def test_of_a_blocked_scenario_every_proxy_is_involved(tmp_path: Path, loaded: Loaded) -> None:
    evidence = look(loaded, tmp_path, FakeMesh(), problem="proxies refused")

    folder = tmp_path / evidence.name
    assert "proxies refused" in (folder / "findings.txt").read_text()
    assert (folder / "proxies" / "default.details-v1-x.json").exists()


def test_a_piece_that_cannot_be_had_is_written_down(tmp_path: Path, loaded: Loaded) -> None:
    evidence = look(loaded, tmp_path, FakeMesh(broken=True))

    account = (tmp_path / evidence.name / "contents.txt").read_text()
    assert "proxies/default.client-x.json: not taken: ConnectionError: the proxy does not say what it runs" in account
    assert "exchanges.json: " in account


def test_a_piece_is_cut_and_the_folder_has_an_end(
    tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES_OF_PIECE", 100)
    monkeypatch.setattr(module, "MOST_BYTES", 500)

    evidence = look(loaded, tmp_path, FakeMesh(size=1000))

    folder = tmp_path / evidence.name
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    del sizes["contents.txt"]
    assert max(sizes.values()) <= 100
    assert sum(size for size in sizes.values()) <= 500
    assert "cut: it had 1000" in (folder / "contents.txt").read_text()


def test_a_mesh_that_does_not_answer_does_not_hold_up_the_run(
    tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SECONDS", -1)

    evidence = look(loaded, tmp_path, FakeMesh())

    assert "proxies/default.client-x.json: not taken" in (tmp_path / evidence.name / "contents.txt").read_text()


def test_a_folder_that_cannot_be_made_is_said_instead_of_its_name(tmp_path: Path, loaded: Loaded) -> None:
    (tmp_path / "evidence").write_text("a file")

    evidence = look(loaded, tmp_path, FakeMesh())

    assert evidence.name.startswith("none, for evidence/area.one cannot be written: ")


def test_a_log_is_cut_at_a_line_with_a_time() -> None:
    log = b"2026-01-01T00:00:00.000001Z\ta\n  more of a\n2026-01-01T00:00:00.000002Z\tb\n  more of b\n"

    assert after(log, "2026-01-01T00:00:00.000002Z") == b"2026-01-01T00:00:00.000002Z\tb\n  more of b\n"
    assert after(log, "2027-01-01T00:00:00.000000Z") == b""


def test_the_evidence_of_a_wrong_expectation_is_taken_from_the_mesh(site: WorkerSite, tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(
        SCENARIO.replace("/}", "/reviews/0}").replace("status: 200, answered_by: reviews-v1", "status: 418")
    )
    own = WorkerSite(site.cluster, site.locks, tmp_path)

    record = own.perform(load_scenario(path))
    own.close()

    assert record.verdict is Verdict.VIOLATES
    folder = tmp_path / record.evidence
    account = (folder / "contents.txt").read_text()
    assert "not taken" not in account
    assert (folder / "istiod.log").read_text().count("\n") > 3
    assert b"listeners" in next((folder / "proxies").glob("default.client-*.json")).read_bytes()
    assert site.mesh.api.items("networking.istio.io/v1", "Sidecar", "default") == []
