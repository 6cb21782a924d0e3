"""StringMatch, compiled: how a value is compared (specification, section 12)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from conformance.router.objects.virtual_service import StringMatch
from conformance.router.regexes import Regex, compile_regex


class Way(Enum):
    """How a value is compared, and how it is said that it did not do."""

    EXACT = "is not"
    PREFIX = "does not begin"
    REGEX = "does not match all of"
    PRESENCE = "is not met by"


# Looking these up in the class costs more than the comparison itself.
_EXACT, _PREFIX, _REGEX = Way.EXACT, Way.PREFIX, Way.REGEX


@dataclass(frozen=True, slots=True)
class Comparison:
    """One way to compare, and what with."""

    way: Way
    text: str = ""
    regex: Regex | None = None
    wanted: str = field(init=False, compare=False)
    """As the API writes it: `prefix /foo`."""
    refusal: str = field(init=False, compare=False)
    """The reason of a mismatch up to the value that was found: `prefix /foo does not begin`."""

    def __post_init__(self) -> None:
        # Made once: reasons are needed for every route that does not match, which is most of them.
        object.__setattr__(self, "wanted", f"{self.way.name.lower()} {self.text}".rstrip())
        object.__setattr__(self, "refusal", f"{self.wanted} {self.way.value}")

    def accepts(self, value: str) -> bool:
        way = self.way
        if way is _EXACT:
            return value == self.text
        if way is _PREFIX:
            return value.startswith(self.text)
        return self.regex is None or self.regex.matches(value)


PRESENCE = Comparison(Way.PRESENCE)


def compile_comparison(match: StringMatch, place: str) -> Comparison:
    """`{}` asks for presence. Raises ValueError, naming the place, for a regex that is none of RE2's."""
    if match.exact is not None:
        return Comparison(_EXACT, match.exact)
    if match.prefix is not None:
        return Comparison(_PREFIX, match.prefix)
    if match.regex is None:
        return PRESENCE
    try:
        return Comparison(_REGEX, match.regex, compile_regex(match.regex))
    except ValueError as error:
        raise ValueError(f"{place}.regex: {error}") from error
