"""Numbers of ports."""

from __future__ import annotations

from conformance.router.admission.remark import Remarks, denied, unfit
from conformance.router.objects.metadata import PortSelector
from conformance.router.versions import Since, Version

MAX_PORT = 65535


def is_port(number: int) -> bool:
    return 1 <= number <= MAX_PORT


def number_fault(number: int) -> str | None:
    return None if is_port(number) else f"port number {number} must be in the range 1..65535"


def port(field: str, number: int | None) -> Remarks:
    """A port that must be given; none at all counts as 0 (ValidatePort)."""
    if fault := number_fault(number or 0):
        yield denied(field, fault)


def optional_port(field: str, number: int | None) -> Remarks:
    """A port of which 0 means none."""
    if number:
        yield from port(field, number)


def selected_port(field: str, selector: PortSelector | None) -> Remarks:
    """`port: {number: …}` of a destination."""
    if selector:
        yield from port(f"{field}.number", selector.number)


def declared_port(field: str, number: int | None, version: Version) -> Remarks:
    """A port of which the schema itself knows the range (ServiceEntry, WorkloadEntry)."""
    if not version.has(Since.SCHEMA_RULES):
        yield from port(field, number)
    elif not is_port(number or 0):
        yield unfit(field, "port must be between 1-65535")
