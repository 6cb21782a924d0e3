"""The way in: an object, and what would be said if it were applied."""

from __future__ import annotations

from conformance.router.admission.annotations import dry_run
from conformance.router.admission.authorization import authorization_policy
from conformance.router.admission.destination_rule import destination_rule
from conformance.router.admission.gateway import gateway
from conformance.router.admission.names import object_name
from conformance.router.admission.remark import Remark, Remarks
from conformance.router.admission.schema import schema
from conformance.router.admission.security import peer_authentication, request_authentication
from conformance.router.admission.service_entry import service_entry
from conformance.router.admission.sidecar import sidecar
from conformance.router.admission.virtual_service import virtual_service
from conformance.router.admission.workload_entry import workload_entry
from conformance.router.objects import AnyObject
from conformance.router.objects.destination_rule import DestinationRule
from conformance.router.objects.gateway import Gateway
from conformance.router.objects.security import AuthorizationPolicy, PeerAuthentication, RequestAuthentication
from conformance.router.objects.service_entry import ServiceEntry, WorkloadEntry
from conformance.router.objects.sidecar import Sidecar
from conformance.router.objects.virtual_service import VirtualService
from conformance.router.versions import Version


def examine(object: AnyObject, version: Version = Version()) -> tuple[Remark, ...]:  # noqa: A002, B008 - frozen, and the word
    """All remarks on an object: the schema's, then the webhook's in the order in which it speaks.

    The same fault is named once, by whoever refuses it first. In a real cluster the webhook is not asked when the
    schema refuses; here both speak, so that a person can mend everything at once.
    """
    name = object_name("metadata.name", object.metadata.name)
    remarks = [*name, *schema("spec", object.spec, version), *_annotations(object), *_by_kind(object, version)]
    return tuple(sorted(remarks, key=lambda remark: remark.by == "webhook"))


def _annotations(given: AnyObject) -> Remarks:
    return dry_run(given.metadata, given if isinstance(given, AuthorizationPolicy) else None)


def _by_kind(given: AnyObject, version: Version) -> Remarks:  # noqa: PLR0911 - one way out for each kind
    match given:
        case VirtualService():
            return virtual_service(given, version)
        case Gateway():
            return gateway(given, version)
        case DestinationRule():
            return destination_rule(given, version)
        case ServiceEntry():
            return service_entry(given, version)
        case WorkloadEntry():
            return workload_entry("spec", given.spec, version)
        case Sidecar():
            return sidecar(given, version)
        case PeerAuthentication():
            return peer_authentication(given, version)
        case RequestAuthentication():
            return request_authentication(given, version)
        case _:
            return authorization_policy(given, version)
