"""IP addresses, blocks of them, and paths of Unix sockets."""

from __future__ import annotations

import ipaddress
import re

from conformance.router.admission.remark import Remarks, denied
from conformance.router.names import is_address

UNIX = "unix://"
_BITS = re.compile(r"0|[1-9][0-9]{0,2}")


def is_block(text: str) -> bool:
    """As Go's netip.ParsePrefix: an address, a slash, a number of bits; no netmask, no zone."""
    address, _, bits = text.rpartition("/")
    if not is_address(address) or "%" in address or not _BITS.fullmatch(bits):
        return False
    return int(bits) <= ipaddress.ip_address(address).max_prefixlen


def address(field: str, text: str) -> Remarks:
    if not is_address(text):
        yield denied(field, f"{text} is not a valid IP")


def subnet(field: str, text: str) -> Remarks:
    """An address or a block (ValidateIPSubnet)."""
    if text.count("/") != 1:
        yield from address(field, text)
    elif not is_block(text):
        yield denied(field, f"{text} is not a valid CIDR block")


def unix_path(field: str, path: str) -> Remarks:
    """What follows unix://; a name that begins with @ lies in the abstract namespace (ValidateUnixAddress)."""
    if not path:
        yield denied(field, "unix address must not be empty")
    elif not path.startswith("@") and (not path.startswith("/") or path.endswith("/")):
        yield denied(field, f"{path} is not an absolute path to a file")
