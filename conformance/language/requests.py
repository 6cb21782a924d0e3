"""What a client sends: a request of HTTP, a line over TCP, a call of gRPC."""

from __future__ import annotations

from typing import ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from conformance.language.certificates import Tls
from conformance.language.protocols import CallAddress, Protocol, StreamAddress, Url
from conformance.language.tokens import Token
from conformance.language.words import HeaderValues, Words, contradiction

Method = Literal["get", "post", "put", "delete", "head", "options", "patch", "tcp", "grpc"]


class Request(Words):
    """Exactly one method with its URL; or a line sent over TCP; or a gRPC call, whose `headers` are metadata."""

    METHODS: ClassVar[tuple[Method, ...]] = ("get", "post", "put", "delete", "head", "options", "patch", "tcp", "grpc")

    get: Url | None = None
    post: Url | None = None
    put: Url | None = None
    delete: Url | None = None
    head: Url | None = None
    options: Url | None = None
    patch: Url | None = None
    tcp: StreamAddress | None = None
    grpc: CallAddress | None = None
    headers: HeaderValues = Field({})
    body: str | None = None
    """Over TCP one line."""
    http: Literal["1.1", "2"] = "1.1"
    tls: Tls | None = None
    token: Token | None = None

    @model_validator(mode="after")
    def _has_one_method(self) -> Request:
        given = [method for method in self.METHODS if getattr(self, method) is not None]
        if len(given) != 1:
            problem = f"a request has one method, this one has {' and '.join(given) or 'none'}"
            raise contradiction(problem, f"write one of {', '.join(self.METHODS)}, followed by the URL")
        if self.tls is not None and urlsplit(self.url).scheme != "https":
            raise contradiction("tls is for an https URL, and this one is not", "write https, or remove tls", "tls")
        return self

    @model_validator(mode="after")
    def _speaks_one_protocol(self) -> Request:
        unfit = {"tcp": {"headers", "http", "token"}, "grpc": {"http"}, "http": set()}[self.protocol]
        if unfit := unfit & self.model_fields_set:
            hint = f"remove it, or send the request over HTTP: {self.protocol} has its own form"
            raise contradiction(f"a {self.protocol} request has no {min(unfit)}", hint, min(unfit))
        if self.protocol == "tcp" and "\n" in (self.body or ""):
            raise contradiction("the body of a tcp request has several lines", "write one line", "body")
        return self

    @model_validator(mode="after")
    def _carries_the_token_only_once(self) -> Request:
        token = self.token
        if token and not token.parameter and token.header.lower() in {name.lower() for name in self.headers}:
            problem = f"the header {token.header} is both the token's and in headers"
            raise contradiction(problem, "keep one of the two", "headers")
        return self

    @property
    def _way(self) -> Method:
        return next(method for method in self.METHODS if getattr(self, method) is not None)

    @property
    def protocol(self) -> Protocol:
        return "tcp" if self.tcp is not None else "grpc" if self.grpc is not None else "http"

    @property
    def method(self) -> str:
        """In capitals, as it is sent; TCP for a connection."""
        return "POST" if self._way == "grpc" else self._way.upper()

    @property
    def url(self) -> str:
        url: str = getattr(self, self._way)
        return url
