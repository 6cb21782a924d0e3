"""Bookinfo's services call each other, pass the right headers on, and survive each other's absence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.workload.workload_process import WorkloadProcess, free_port, running


@dataclass(frozen=True)
class Bookinfo:
    """The chain productpage, reviews v3, ratings; details is missing."""

    productpage: WorkloadProcess
    reviews: WorkloadProcess
    ratings: WorkloadProcess


@pytest.fixture(scope="module")
def bookinfo() -> Iterator[Bookinfo]:
    """Three processes that know each other's addresses."""
    with ExitStack() as stack:
        ratings = stack.enter_context(running("ratings-v1"))
        reviews = stack.enter_context(running("reviews-v3", RATINGS_URL=ratings.url("")))
        missing = f"http://127.0.0.1:{free_port()}"
        urls = {"REVIEWS_URL": reviews.url(""), "RATINGS_URL": ratings.url(""), "DETAILS_URL": missing}
        yield Bookinfo(stack.enter_context(running("productpage-v1", **urls)), reviews, ratings)


def test_productpage_shows_what_is_behind_it(bookinfo: Bookinfo) -> None:
    reply = bookinfo.productpage.get("/productpage")
    assert (reply.status, reply.headers["x-answered-by"]) == (200, "productpage-v1")
    page = reply.content
    assert (page["workload"], page["reviews"]["workload"]) == ("productpage-v1", "reviews-v3")
    assert [review["rating"]["color"] for review in page["reviews"]["reviews"]] == ["red", "red"]
    assert [review["rating"]["stars"] for review in page["reviews"]["reviews"]] == [5, 4]
    assert page["reviews"]["ratings_answer"]["workload"] == "ratings-v1"


def test_missing_service_is_noted_on_the_page(bookinfo: Bookinfo) -> None:
    page = bookinfo.productpage.get("/productpage").content
    assert page["details_status"] == 500
    assert "unavailable" in page["details"]["error"]
    assert "ConnectError" in page["details"]["cause"]


def test_headers_go_down_the_chain_and_the_token_does_not(bookinfo: Bookinfo) -> None:
    passed = {
        "x-request-id": "chain-1",
        "x-b3-traceid": "0af7651916cd43dd8448eb211c80319c",
        "x-datadog-trace-id": "7",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "end-user": "jason",
        "cookie": "session=1",
        "authorization": "Bearer x",
        "user-agent": "browser",
    }
    bookinfo.productpage.get("/productpage?u=normal", passed | {"x-conformance-token": "top-1", "x-private": "1"})
    assert [entry["token"] for entry in bookinfo.productpage.entries("top-1")] == ["top-1"]
    for process, path in ((bookinfo.reviews, "/reviews/0"), (bookinfo.ratings, "/ratings/0")):
        (entry,) = [entry for entry in process.entries() if ["x-request-id", "chain-1"] in entry["headers"]]
        headers = dict(entry["headers"])
        assert (entry["path"], entry["token"]) == (path, None)
        assert passed.items() <= headers.items()
        assert not {"x-private", "x-conformance-token"} & headers.keys()


def test_products_are_served(bookinfo: Bookinfo) -> None:
    page = bookinfo.productpage
    assert page.get("/api/v1/products").content["products"][0]["title"] == "The Comedy of Errors"
    assert page.get("/api/v1/products/0/reviews").content["reviews"]["workload"] == "reviews-v3"
    assert page.get("/api/v1/products/0/ratings").content["ratings"]["ratings"] == {"Reviewer1": 5, "Reviewer2": 4}
    missing = page.get("/api/v1/products/0")
    assert missing.status == 500
    assert "unavailable" in missing.content["details"]["error"]


def test_reviews_v1_has_no_stars(reviews: WorkloadProcess) -> None:
    content = reviews.get("/reviews/0").content
    assert [sorted(review) for review in content["reviews"]] == [["reviewer", "text"]] * 2


def test_reviews_v2_without_ratings_still_answers() -> None:
    with running("reviews-v2", RATINGS_URL=f"http://127.0.0.1:{free_port()}") as process:
        reply = process.get("/reviews/0")
    assert reply.status == 200
    assert all("unavailable" in review["rating"]["error"] for review in reply.content["reviews"])


def test_health_is_told(bookinfo: Bookinfo) -> None:
    assert bookinfo.ratings.get("/health").content["status"] == "Ratings is healthy"


def test_guestbook_keeps_its_guests() -> None:
    with running("guestbook-v1") as guestbook:
        page = guestbook.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert b"Guestbook" in page.body
        guestbook.get("/rpush/guestbook/anna")
        guestbook.get("/rpush/guestbook/ben")
        assert guestbook.get("/lrange/guestbook").content["guestbook"] == ["anna", "ben"]
        assert guestbook.get("/guestbook").content["workload"] == "guestbook-v1"
