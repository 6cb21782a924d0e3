"""A fact of the cluster without sin is acquitted; with one sin it is convicted by the check that owns it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conformance.judgement.standings import (
    CONTAINERS,
    OBSERVED,
    PORTS,
    STANDS,
    UNCHANGED,
    ExpectedStanding,
    FactExpectation,
    Running,
    Standing,
    judge_standings,
)

PROXY = Running("pod-1", "istio-proxy", 0, "2026-01-01T00:00:00Z")
OWN = replace(PROXY, container="reviews")
DEPLOYMENT = FactExpectation(
    "pod",
    "Deployment",
    "default",
    "reviews",
    ExpectedStanding(containers=("istio-proxy", "reviews"), is_unchanged=True),
)
SERVICE = FactExpectation("service", "Service", "istio-system", "in", ExpectedStanding(ports=(("http2", 80),)))
ABSENT = FactExpectation("absent", "Deployment", "default", "in", ExpectedStanding(exists=False))

POD = Standing("pod", exists=True, ready_pods=1, pods=1, running=(PROXY, OWN), began=(PROXY, OWN), ports=())
PORT = replace(POD, fact="service", running=(), began=(), ports=(("http2", 80), ("https", 443)))
NOTHING = replace(PORT, fact="absent", exists=False, ports=())


def guilty(*standings: Standing) -> dict[tuple[str, str], str]:
    findings = judge_standings("area/one", (DEPLOYMENT, SERVICE, ABSENT), standings)
    return {(each.case, each.check): each.verdict.value for each in findings if not each.verdict.is_green}


def test_facts_without_sin_are_acquitted_by_every_check() -> None:
    findings = judge_standings("area/one", (DEPLOYMENT, SERVICE, ABSENT), (POD, PORT, NOTHING))
    assert [(each.case, each.check) for each in findings] == [
        ("pod", STANDS),
        ("pod", CONTAINERS),
        ("pod", UNCHANGED),
        ("service", STANDS),
        ("service", PORTS),
        ("absent", STANDS),
    ]
    assert guilty(POD, PORT, NOTHING) == {}


@pytest.mark.parametrize(
    ("sinner", "checks"),
    [
        (replace(POD, exists=False, ready_pods=0, pods=0, running=()), {STANDS, CONTAINERS, UNCHANGED}),
        (replace(POD, ready_pods=0), {STANDS}),
        (replace(POD, pods=2), {STANDS}),
        (replace(POD, running=(PROXY,)), {CONTAINERS, UNCHANGED}),
        (replace(POD, running=(PROXY, OWN, replace(PROXY, pod="pod-2"))), {CONTAINERS, UNCHANGED}),
        (replace(POD, running=(replace(PROXY, restarts=1), OWN)), {UNCHANGED}),
        (replace(POD, running=(replace(PROXY, started="2026-01-01T00:00:09Z"), OWN)), {UNCHANGED}),
        (replace(POD, running=(replace(PROXY, pod="pod-2"), replace(OWN, pod="pod-2"))), {UNCHANGED}),
    ],
)
def test_one_sin_of_a_deployment_is_convicted(sinner: Standing, checks: set[str]) -> None:
    assert guilty(sinner, PORT, NOTHING) == {("pod", check): "violates" for check in checks}


@pytest.mark.parametrize("ports", [(), (("http2", 81),), (("http", 80),)])
def test_a_port_of_another_name_or_number_is_convicted(ports: tuple[tuple[str, int], ...]) -> None:
    assert guilty(POD, replace(PORT, ports=ports), NOTHING) == {("service", PORTS): "violates"}


def test_what_should_not_be_there_is_convicted() -> None:
    assert guilty(POD, PORT, replace(NOTHING, exists=True)) == {("absent", STANDS): "violates"}


def test_a_fact_that_was_not_observed_proves_nothing() -> None:
    assert guilty(POD, PORT) == {("absent", OBSERVED): "blocked"}
    assert guilty(POD, POD, PORT, NOTHING) == {("pod", OBSERVED): "harness-error"}


def test_nothing_is_unchanged_because_nothing_ran() -> None:
    assert guilty(replace(POD, began=()), PORT, NOTHING) == {("pod", UNCHANGED): "blocked"}
