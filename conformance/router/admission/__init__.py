"""What becomes of an object that is applied: the API server's schema and Istio's webhook refuse it, warn, or store it.

Specification, section 24, and pkg/config/validation of Istio. `examine` is the way in; there is one module for each
kind, and one for each thing that several kinds have (hosts, durations, TLS settings ...). The rules are generators of
remarks: what they are given, they judge, and what is fine, they pass over in silence.

An object that has come this far has the right types (conformance.language.objects sees to that), so that what is left
of the schema is what an object of the right type can violate.
"""

from conformance.router.admission.examine import examine
from conformance.router.admission.remark import Remark

__all__ = ["Remark", "examine"]
