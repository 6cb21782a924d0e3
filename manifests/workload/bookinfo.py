"""The behaviour of bookinfo and guestbook: which service answers what, and whom it asks before it answers.

After Istio's sample (samples/bookinfo/src), with two departures. An upstream is asked once, where productpage asks
reviews twice: a repeated request would be a second exchange that nobody planned. The time limit is one for all.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from workload.settings import Settings

if TYPE_CHECKING:
    import httpx

Headers = Iterable[tuple[bytes, bytes]]
Content = dict[str, object]

UPSTREAM_SECONDS: Final = 10.0
MAXIMUM_GUESTS: Final = 1_000

# The union of what the four services of the sample pass on. The token is never among them: it names one exchange,
# and the calls behind productpage are others.
FORWARDED: Final = frozenset(
    {
        b"x-request-id",
        b"x-ot-span-context",
        b"traceparent",
        b"tracestate",
        b"b3",
        b"x-cloud-trace-context",
        b"grpc-trace-bin",
        b"sw8",
        b"end-user",
        b"user-agent",
        b"cookie",
        b"authorization",
        b"jwt",
    }
)
FORWARDED_PREFIXES: Final = (b"x-b3-", b"x-datadog-")

PRODUCTS: Final = ({"id": 0, "title": "The Comedy of Errors"},)
DETAILS: Final = {
    "author": "William Shakespeare",
    "year": 1595,
    "type": "paperback",
    "pages": 200,
    "publisher": "PublisherA",
    "language": "English",
    "ISBN-10": "1234567890",
    "ISBN-13": "123-1234567890",
}
RATINGS: Final = {"Reviewer1": 5, "Reviewer2": 4}
REVIEW_TEXTS: Final = {
    "Reviewer1": "An extremely entertaining play by Shakespeare. The slapstick humour is refreshing!",
    "Reviewer2": "Absolutely fun and entertaining. The play lacks thematic depth.",
}
STAR_COLOURS: Final = {"v2": "black", "v3": "red"}


@dataclass(frozen=True)
class Answer:
    """What a service says: `content` joins the workload's identity in a JSON object, `page` stands instead of it."""

    content: Content = field(default_factory=dict)
    status: int = 200
    page: str | None = None


Route = Callable[[re.Match[str], Headers], Awaitable[Answer]]


class Upstreams:
    """The services behind this one, reached with one client that is made when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._urls = {
            "details": settings.details_url,
            "reviews": settings.reviews_url,
            "ratings": settings.ratings_url,
        }
        self._client: httpx.AsyncClient | None = None

    async def ask(self, service: str, product: str, headers: Headers) -> tuple[int, Content]:
        """Status and content of the service's answer; a failure is status 500 with an `error`, as in the sample."""
        import httpx  # noqa: PLC0415  costs more start-up than all the rest, and most workloads never call anybody

        if self._client is None:
            self._client = httpx.AsyncClient(
                trust_env=False, timeout=UPSTREAM_SECONDS, limits=httpx.Limits(keepalive_expiry=None)
            )
        url = f"{self._urls[service].rstrip('/')}/{service}/{product}"
        unavailable = f"Sorry, product {service} are currently unavailable for this book."
        try:
            async with asyncio.timeout(UPSTREAM_SECONDS):
                answer = await self._client.get(url, headers=list(forwarded(headers)))
            content = answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, TimeoutError, ValueError) as error:
            return 500, {"error": unavailable, "cause": f"{type(error).__name__}: {error}"}
        if not isinstance(content, dict):
            return answer.status_code, {"error": unavailable, "cause": f"status {answer.status_code}"}
        return 200, content


class Service:
    """The routes of one service; where no route matches, the application's plain answer stands."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._upstreams = Upstreams(settings)
        self._guests: list[str] = []
        routes = self._routes_by_service().get(settings.service, {})
        self._routes = tuple((re.compile(path), route) for path, route in routes.items())

    async def answer(self, path: str, headers: Headers) -> Answer | None:
        """The service's own answer to a request, or None."""
        for pattern, route in self._routes:
            if match := pattern.fullmatch(path):
                return await route(match, headers)
        return None

    @property
    def is_plain(self) -> bool:
        """True when the service has no routes at all, so that nobody needs to ask."""
        return not self._routes

    def _routes_by_service(self) -> Mapping[str, Mapping[str, Route]]:
        return {
            "productpage": {
                r"/productpage": self._productpage,
                r"/api/v1/products": self._products,
                r"/api/v1/products/(\d+)": self._product_details,
                r"/api/v1/products/(\d+)/(reviews|ratings)": self._product_part,
                r"/health": self._health,
            },
            "details": {r"/details/(\d+)": self._details, r"/health": self._health},
            "reviews": {r"/reviews/(\d+)": self._reviews, r"/health": self._health},
            "ratings": {r"/ratings/(\d+)": self._ratings, r"/health": self._health},
            "guestbook": {
                r"/": self._guestbook_page,
                r"/guestbook": self._guests_so_far,
                r"/lrange/guestbook": self._guests_so_far,
                r"/rpush/guestbook/(.*)": self._sign_guestbook,
            },
        }

    async def _health(self, _: re.Match[str], __: Headers) -> Answer:
        return Answer({"status": f"{self._settings.service.capitalize()} is healthy"})

    async def _productpage(self, _: re.Match[str], headers: Headers) -> Answer:
        """Always 200: a missing part is shown as missing, as bookinfo does."""
        details_status, details = await self._upstreams.ask("details", "0", headers)
        reviews_status, reviews = await self._upstreams.ask("reviews", "0", headers)
        return Answer(
            {
                "product": PRODUCTS[0],
                "details_status": details_status,
                "details": details,
                "reviews_status": reviews_status,
                "reviews": reviews,
            }
        )

    async def _products(self, _: re.Match[str], __: Headers) -> Answer:
        return Answer({"products": list(PRODUCTS)})

    async def _product_details(self, match: re.Match[str], headers: Headers) -> Answer:
        status, details = await self._upstreams.ask("details", match[1], headers)
        return Answer({"details": details}, status)

    async def _product_part(self, match: re.Match[str], headers: Headers) -> Answer:
        status, part = await self._upstreams.ask(match[2], match[1], headers)
        return Answer({match[2]: part}, status)

    async def _details(self, match: re.Match[str], _: Headers) -> Answer:
        return Answer({"id": int(match[1]), **DETAILS})

    async def _ratings(self, match: re.Match[str], _: Headers) -> Answer:
        return Answer({"id": int(match[1]), "ratings": RATINGS})

    async def _reviews(self, match: re.Match[str], headers: Headers) -> Answer:
        reviews: list[Content] = [{"reviewer": name, "text": text} for name, text in REVIEW_TEXTS.items()]
        content: Content = {"id": match[1], "podname": self._settings.pod, "reviews": reviews}
        colour = STAR_COLOURS.get(self._settings.version)
        if colour is not None:
            status, ratings = await self._upstreams.ask("ratings", match[1], headers)
            stars = ratings.get("ratings") if status == 200 else None
            for review in reviews:
                review["rating"] = _rating(stars, str(review["reviewer"]), colour)
            content["ratings_answer"] = ratings
        return Answer(content)

    async def _guestbook_page(self, _: re.Match[str], __: Headers) -> Answer:
        return Answer(page="<!DOCTYPE html><html><head><title>Guestbook</title></head><body>Guestbook</body></html>\n")

    async def _guests_so_far(self, _: re.Match[str], __: Headers) -> Answer:
        return Answer({"guestbook": list(self._guests)})

    async def _sign_guestbook(self, match: re.Match[str], _: Headers) -> Answer:
        self._guests = [*self._guests, match[1]][-MAXIMUM_GUESTS:]
        return Answer({"guestbook": list(self._guests)})


def forwarded(headers: Headers) -> Iterable[tuple[bytes, bytes]]:
    """The headers of a request that go on to the services behind."""
    return ((name, value) for name, value in headers if name in FORWARDED or name.startswith(FORWARDED_PREFIXES))


def _rating(stars: object, reviewer: str, colour: str) -> Content:
    if isinstance(stars, dict) and isinstance(stars.get(reviewer), int):
        return {"stars": stars[reviewer], "color": colour}
    return {"error": "Ratings service is currently unavailable"}


def body_of(answer: Answer, identity: Mapping[str, str]) -> bytes:
    """The body to send; the identity comes first and wins, so a body always tells who made it."""
    if answer.page is not None:
        return answer.page.encode()
    return json.dumps({**identity, **answer.content, **identity}).encode()
