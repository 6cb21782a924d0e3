"""The two views of a small catalogue, to the letter."""

from __future__ import annotations

import json

from conformance.catalogue.join import Entry, Joined
from conformance.catalogue.models import Catalogue
from conformance.report.listing import WIDTH, coverage, coverage_json, tree, tree_json

CATALOGUE = Catalogue.model_validate(
    {
        "areas": [
            {
                "name": "Gateways",
                "promises": [
                    {"id": "gateway/host", "documents": ["000", "001"], "claim": "only its host is served"},
                    {"id": "gateway/tcp", "documents": ["000"], "claim": "TCP passes", "departs": "it does not"},
                ],
            },
            {"name": "Security", "promises": [{"id": "jwt/issuer", "documents": ["001"], "claim": "issuers count"}]},
            {"name": "Faults", "promises": [{"id": "fault/abort", "documents": ["001"], "claim": "some fail"}]},
        ],
        "documents": [
            {
                "id": "000",
                "title": "Gateways",
                "sections": [
                    {"heading": "1", "title": "a title", "none": "a heading without text"},
                    {
                        "heading": "1.1",
                        "title": "hosts and ports",
                        "promises": ["gateway/host", "gateway/tcp"],
                        "besides": [{"says": "a dashboard draws it", "because": "dashboards carry no traffic"}],
                    },
                    {"heading": "1.2", "title": "hosts again", "promises": ["gateway/host"]},
                ],
            },
            {
                "id": "001",
                "title": "All else",
                "sections": [
                    {"heading": "All", "title": "in one", "promises": ["gateway/host", "jwt/issuer", "fault/abort"]},
                ],
            },
        ],
    }
)


def scenario(id_: str, title: str, cases: int, *kinds: str) -> Entry:
    return Entry(id=id_, title=title, document="000", section="1.1", kinds=kinds, cases=cases, path=f"at/{id_}.yaml")


HOST = scenario("gateway/host", "a Gateway for one host serves that host", 6, "Gateway", "VirtualService")
OTHER = scenario("gateway/host/other", f"another host is refused, {'and ' * 20}that is all", 1)
JWT = scenario("jwt/issuer", "a token of someone else is refused", 10, "RequestAuthentication")
OWN = scenario("gateway/hosts", "my own", 2, "Gateway")

JOINED = Joined(CATALOGUE, (HOST, OTHER, OWN, JWT))

TREE = """\
Gateways                                                                                1/2 promises
├─ gateway/host        000    6 cases  Gateway, VirtualService
│  a Gateway for one host serves that host
└─ gateway/host/other  000    1 case   no Istio object
   another host is refused, and and and and and and and and and and and and and and and and and and
   and and that is all

Security                                                                                1/1 promises
└─ jwt/issuer          000   10 cases  RequestAuthentication
   a token of someone else is refused

Beyond the catalogue
└─ gateway/hosts       000    2 cases  Gateway
   my own

4 scenarios, 19 cases: 2/4 promises"""

COVERAGE = """\
● has scenarios   ○ has none yet   - no promise, and why   ≠ where Istio departs from it

000  Gateways                                                                           1/2 promises
  1: a title
    - no promise: a heading without text
  1.1: hosts and ports
    ● gateway/host  7 cases in 2 scenarios
      only its host is served
    ○ gateway/tcp
      TCP passes
      ≠ it does not
    - a dashboard draws it (dashboards carry no traffic)
  1.2: hosts again
    ● gateway/host  7 cases in 2 scenarios

001  All else                                                                           2/3 promises
  All: in one
    ● gateway/host  7 cases in 2 scenarios
      only its host is served
    ● jwt/issuer  10 cases
      issuers count
    ○ fault/abort
      some fail

at/gateway/hosts.yaml: gateway/hosts is the id of no promise, nor below one
2/4 promises"""


def test_the_tree_has_every_scenario_below_its_area() -> None:
    assert tree(JOINED) == TREE


def test_the_coverage_has_every_section_with_its_promises_or_the_reason() -> None:
    assert coverage(JOINED) == COVERAGE


def test_both_fit_the_width() -> None:
    assert max(map(len, [*tree(JOINED).splitlines(), *coverage(JOINED).splitlines()])) == WIDTH


def test_a_catalogue_without_scenarios_is_not_covered() -> None:
    joined = Joined(CATALOGUE, ())
    assert tree(joined) == "0 scenarios, 0 cases: 0/4 promises"
    assert coverage(joined).splitlines()[-1] == "0/4 promises"


def test_the_tree_is_there_for_programs() -> None:
    read = json.loads(tree_json(JOINED))
    assert (read["promises"], read["covered"]) == (4, 2)
    assert [area["area"] for area in read["areas"]] == ["Gateways", "Security", "Faults"]
    assert read["areas"][0]["scenarios"][0] == {
        "id": "gateway/host",
        "title": "a Gateway for one host serves that host",
        "document": "000",
        "section": "1.1",
        "kinds": ["Gateway", "VirtualService"],
        "cases": 6,
        "path": "at/gateway/host.yaml",
    }
    assert [each["id"] for each in read["scenarios"]] == ["gateway/hosts"]


def test_the_coverage_is_there_for_programs() -> None:
    read = json.loads(coverage_json(JOINED))
    title, hosts, _ = read["documents"][0]["sections"]
    assert (read["promises"], read["covered"]) == (4, 2)
    assert (title["none"], title["promises"]) == ("a heading without text", [])
    assert hosts["none"] is None
    assert [each["id"] for each in hosts["promises"][0]["scenarios"]] == ["gateway/host", "gateway/host/other"]
    assert hosts["promises"][1] == {
        "id": "gateway/tcp",
        "claim": "TCP passes",
        "departs": "it does not",
        "scenarios": [],
    }
    assert hosts["besides"] == [{"says": "a dashboard draws it", "because": "dashboards carry no traffic"}]
