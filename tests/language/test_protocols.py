"""Requests beyond HTTP/1.1, and facts of the cluster, as they stand in scenario files."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.errors import BadInput
from conformance.judgement.standings import ExpectedStanding, FactExpectation
from conformance.language.load import load_scenario
from conformance.predictions.worlds import request_of

GOOD = """\
id: area/one
title: one is one
source: {document: 003, section: one, claim: one is one}
app: protocols
cluster:
- name: pod
  deployment: echo-v1
  namespace: default
  expect: {containers: [istio-proxy, echo], unchanged: true}
- name: service
  service: tcp-echo
  namespace: default
  expect: {ports: {tcp: 9000}}
cases:
- name: stream
  from: client
  request: {tcp: "tcp://tcp-echo:9000", body: hello}
  expect: {answered_by: echo-v1}
- name: call
  from: client
  request: {grpc: "grpc://grpc-echo:50051/a.B/C", headers: {a: b}}
  expect: {grpc_status: 0, trailers: {a: b}}
- name: page
  from: client
  request: {get: "http://http-echo:8080/", http: "2"}
  expect: {status: 200, saw: {http_version: "1.1"}}
"""


def written(tmp_path: Path, old: str = "", new: str = "") -> Path:
    assert not old or GOOD.count(old) == 1, f"{old!r} is not in the good scenario once"
    path = tmp_path / "one.yaml"
    path.write_text(GOOD.replace(old, new) if old else GOOD)
    return path


def test_a_request_of_each_protocol_is_what_the_router_takes_it_for(tmp_path: Path) -> None:
    stream, call, page = (request_of(case, "default") for case in load_scenario(written(tmp_path)).scenario.cases)
    assert (stream.scheme, stream.host, stream.port) == ("tcp", "tcp-echo", 9000)
    assert (call.scheme, call.method, call.path, call.http_version) == ("http", "POST", "/a.B/C", "2")
    assert call.headers == (("a", "b"), ("content-type", "application/grpc"), ("te", "trailers"))
    assert (page.scheme, page.method, page.http_version) == ("http", "GET", "2")


def test_facts_are_handed_to_the_judge_in_the_judges_form(tmp_path: Path) -> None:
    pod, service = (fact.expected() for fact in load_scenario(written(tmp_path)).scenario.stages[0].cluster)
    expected = ExpectedStanding(containers=("echo", "istio-proxy"), is_unchanged=True)
    assert pod == FactExpectation("pod", "Deployment", "default", "echo-v1", expected)
    expected = ExpectedStanding(ports=(("tcp", 9000),))
    assert service == FactExpectation("service", "Service", "default", "tcp-echo", expected)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("tcp://tcp-echo:9000", "tcp://tcp-echo", "is not a host and a port"),
        ("tcp://tcp-echo:9000", "tcp://tcp-echo:9000/x", "is not a host and a port"),
        ("tcp://tcp-echo:9000", "http://tcp-echo:9000", "is not absolute"),
        ("body: hello", 'body: "a\\nb"', "has several lines"),
        ("body: hello", 'http: "2"', "a tcp request has no http"),
        ("{answered_by: echo-v1}", "{status: 200}", "the answer on a TCP connection has no status"),
        ("/a.B/C", "/a.B", "does not name a port, a service and a method"),
        ("headers: {a: b}}", 'http: "1.1"}', "a grpc request has no http"),
        ("{grpc_status: 0, trailers: {a: b}}", "{status: 200}", "an answer of gRPC has no status"),
        ("grpc_status: 0, trailers", "grpc_status: 17, trailers", "expect.grpc_status is 17"),
        ("{status: 200, saw", "{grpc_status: 0, saw", "an answer of HTTP has no grpc_status"),
        ('http: "2"', 'http: "3"', "request.http is '3'"),
        ('http_version: "1.1"', "http_version: 2", "saw.http_version is 2"),
        ("deployment: echo-v1", "deployment: echo-v1\n  service: echo", "is about one object"),
        ("  deployment: echo-v1\n", "", "is about one object"),
        ("{ports: {tcp: 9000}}", "{containers: [echo]}", "a Service has no containers"),
        ("{containers: [istio-proxy, echo], unchanged: true}", "{ports: {tcp: 1}}", "a Deployment has no ports"),
        ("{ports: {tcp: 9000}}", "{}", "the fact promises nothing"),
        ("{ports: {tcp: 9000}}", "{exists: false, ports: {tcp: 1}}", "has nothing else"),
        ("unchanged: true", "unchanged: false", "that something changes cannot be promised"),
        ("name: service", "name: stream", "two cases are named 'stream'"),
        ("{ports: {tcp: 9000}}", "{port: 9000}", "has no key 'port'"),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, old: str, new: str, problem: str) -> None:
    with pytest.raises(BadInput) as bad:
        load_scenario(written(tmp_path, old, new))
    assert problem in bad.value.problems[0].problem
    assert bad.value.problems[0].line
