"""The part of the schema that is the same wherever a type stands: ranges, enumerations, oneOf, durations, lengths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache

from conformance.router.admission import durations
from conformance.router.admission.constraints import (
    CHOICES,
    DURATIONS,
    ENUMS,
    ITEMS,
    LENGTHS,
    NEW_FIELDS,
    NEW_VALUES,
    PATTERNS,
    RANGES,
    REQUIRED,
    SIGNED,
    Attribute,
    bounds,
)
from conformance.router.admission.remark import Remarks, api_name, each, entries, quoted, unfit
from conformance.router.versions import Since, Version


def schema(field: str, value: object, version: Version) -> Remarks:
    """What the schema says of a value and of all that is in it."""
    if isinstance(value, tuple):
        for place, member in each(field, value):
            yield from schema(place, member, version)
    elif isinstance(value, Mapping):
        for place, _, member in entries(field, value):
            yield from schema(place, member, version)
            if isinstance(member, int):
                yield from _number(place, member, (type(value), ""))
    elif is_dataclass(value):
        yield from _object(field, value, version)


def _object(field: str, value: object, version: Version) -> Remarks:
    kind: type = type(value)
    yield from _missing(field, value)
    yield from _several(field, value)
    for name, written in _attributes(kind):
        given = getattr(value, name)
        if given is not None:
            place = f"{field}.{written}"
            yield from _attribute(place, given, (kind, name), version)
            yield from schema(place, given, version)


@cache
def _attributes(kind: type) -> tuple[tuple[str, str], ...]:
    return tuple((each_field.name, api_name(each_field.name)) for each_field in fields(kind))


def _attribute(field: str, value: object, attribute: Attribute, version: Version) -> Remarks:
    since = NEW_FIELDS.get(attribute)
    if since and value not in ((), {}) and not version.has(since):
        yield unfit(field, f'unknown field "{field}"')
        return
    if isinstance(value, str) and attribute in ENUMS:
        yield from _word(field, value, attribute, version)
    # A fraction without a range of its own may be anything.
    if (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and attribute in RANGES):
        yield from _number(field, value, attribute)
    if version.has(Since.SCHEMA_RULES):
        if isinstance(value, str) and attribute in DURATIONS:
            yield from durations.schema_rule(field, value)
        yield from _sizes(field, value, attribute)


def _missing(field: str, value: object) -> Remarks:
    """Only what is None is missing for sure; an empty list may have been written."""
    for name in REQUIRED.get(type(value), ()):
        outer, _, inner = name.rpartition(".")
        holder = getattr(value, outer) if outer else value
        if holder is not None and getattr(holder, inner) is None:
            yield unfit(f"{field}.{api_name(name)}", "Required value")


def _several(field: str, value: object) -> Remarks:
    for group in CHOICES.get(type(value), ()):
        given = sum(getattr(value, name) is not None for name in group)
        if given > 1:
            rule = f"must validate one and only one schema (oneOf). Found {given} valid alternatives"
            yield unfit(field, f"{quoted(field)} {rule}")


def _word(field: str, value: str, attribute: Attribute, version: Version) -> Remarks:
    known = [
        word for word in ENUMS[attribute] if (since := NEW_VALUES.get((*attribute, word))) is None or version.has(since)
    ]
    if value not in known:
        supported = ", ".join(map(quoted, known))
        yield unfit(field, f"Unsupported value: {quoted(value)}: supported values: {supported}")


def _number(field: str, value: float, attribute: Attribute) -> Remarks:
    low, high = bounds(attribute)
    if low <= value <= high:
        return
    if attribute in SIGNED:
        yield unfit(field, f"Checked value must be of type integer with format int32 in {field}")
    elif value < low:
        yield unfit(field, f"{field} in body should be greater than or equal to {low:.0f}")
    else:
        yield unfit(field, f"{field} in body should be less than or equal to {high:.0f}")


def _sizes(field: str, value: object, attribute: Attribute) -> Remarks:
    if isinstance(value, tuple) and attribute in ITEMS:
        least, most = ITEMS[attribute]
        if len(value) < least:
            yield unfit(field, f"{field} in body should have at least {least} items")
        if len(value) > most:
            yield unfit(field, f"Too many: {len(value)}: must have at most {most} items")
    if attribute in LENGTHS:
        members = each(field, value) if isinstance(value, tuple) else [(field, value)]
        for place, member in members:
            yield from _length(place, str(member), *LENGTHS[attribute])
    pattern = PATTERNS.get(attribute)
    if pattern and isinstance(value, str) and value and not re.fullmatch(pattern, value):
        yield unfit(field, f"{field} in body should match '{pattern}'")


def _length(field: str, value: str, least: int, most: int) -> Remarks:
    if len(value) < least:
        yield unfit(field, f"{field} in body should be at least {least} chars long")
    if len(value) > most:
        yield unfit(field, f"Too long: may not be more than {most} bytes")
