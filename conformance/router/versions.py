"""Which Istio is modelled: what changed between minors, one name per change (specification, section 25)."""

from __future__ import annotations

from dataclasses import dataclass

Minor = tuple[int, int]


class Since:
    """The minor in which a behaviour began."""

    SIDECAR_DELEGATES = (1, 8)
    PASSTHROUGH_PORT_MTLS = (1, 9)
    INBOUND_TO_POD_ADDRESS = (1, 10)
    AUTO_MTLS_KNOWS_PORTS = (1, 12)
    CLAIM_ROUTING = (1, 12)
    DESTINATION_RULE_WORKLOAD_SELECTOR = (1, 14)
    PREFLIGHT_WITHOUT_TOKEN = (1, 14)
    FREE_WEIGHTS = (1, 16)
    HOST_WITHOUT_PORT = (1, 15)
    GRPC_ABORT = (1, 15)
    QUERY_PREFIX = (1, 18)
    PRESENCE_MATCH = (1, 18)
    MOST_SPECIFIC_WILDCARD = (1, 19)
    REGEX_REWRITE = (1, 19)
    REGEX_CATCH_ALL = (1, 19)
    MIRROR_LIST = (1, 20)
    EXTERNAL_NAME_ALIAS = (1, 21)
    VERIFIED_SERVERS = (1, 21)
    FROM_COOKIES = (1, 21)
    DESTINATION_AUTHORITY = (1, 21)
    ABSENT_IS_EMPTY = (1, 22)
    EMPTY_PREFIX_REFUSED = (1, 22)
    PATH_TEMPLATES = (1, 22)
    UNMATCHED_PREFLIGHTS = (1, 23)
    SCHEMA_RULES = (1, 23)
    NO_IDLE_TIMEOUT = (1, 23)
    NO_RETRY_OF_503 = (1, 24)
    EQUAL_EXPORTS_MERGE = (1, 24)
    OWN_NAMESPACE_FIRST = (1, 24)
    ALLOCATED_ADDRESSES = (1, 25)
    RETRY_BACKOFF = (1, 26)
    TRAILING_DOT = (1, 27)
    RETRY_BUDGET = (1, 27)
    OPTIONAL_ISSUER = (1, 27)
    PLAIN_MIRROR_HOST = (1, 28)
    DYNAMIC_DNS = (1, 30)
    RBAC_SINGLE_HEADER_VALUES = (1, 30)
    REDIRECT_PREFIX_REWRITE = (1, 31)
    SIDECAR_EXCLUSION = (1, 31)
    SINGLE_HEADER_VALUES = (1, 31)


@dataclass(frozen=True, slots=True)
class Version:
    """An Istio minor; the newest by default."""

    minor: Minor = (1, 32)

    def has(self, change: Minor) -> bool:
        return self.minor >= change

    @staticmethod
    def of(text: str) -> Version:
        """From 1.32.0 or 1.30-alpha; raises ValueError for anything that does not begin with two numbers."""
        major, minor, *_ = text.removeprefix("v").split(".")
        return Version((int(major), int(minor.partition("-")[0])))
