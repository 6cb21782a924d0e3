"""The objects of Kubernetes and Istio, as far as they say where a request goes.

Frozen data without behaviour, field for field as the API names them (in snake case; `from` and `set` with a trailing
underscore where Python needs one). What is absent in the YAML is None or empty here: a default is the reader's affair.
"""

from conformance.router.objects.destination_rule import DestinationRule
from conformance.router.objects.gateway import Gateway
from conformance.router.objects.security import AuthorizationPolicy, PeerAuthentication, RequestAuthentication
from conformance.router.objects.service_entry import ServiceEntry, WorkloadEntry
from conformance.router.objects.sidecar import Sidecar
from conformance.router.objects.virtual_service import VirtualService

AnyObject = (
    VirtualService
    | DestinationRule
    | Gateway
    | ServiceEntry
    | WorkloadEntry
    | Sidecar
    | PeerAuthentication
    | RequestAuthentication
    | AuthorizationPolicy
)
"""An object of Istio."""
