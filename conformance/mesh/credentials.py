"""What a run makes anew for a scenario, and clients show: certificates, and tokens of its keys."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.mesh.certificates import Certificates
from conformance.tokens.wallet import Wallet


@dataclass(frozen=True)
class Credentials:
    """Of one performance of a scenario."""

    certificates: Certificates
    wallet: Wallet
