"""``chargers/{id}/security/`` and beside it: profile, password, certificates, security events."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from evbilling.api import waiting
from evbilling.api.base import Listing
from evbilling.api.chargers import ChargerEndpoint
from evbilling.api.fields import Moment
from evbilling.api.filters import ByTime, Query
from stations.models import (
    CertificateState,
    Charger,
    ChargerCertificate,
    InstalledRoot,
    ProfileUpgrade,
    RootUse,
    SecurityEvent,
    SecurityProfile,
    UpgradeStep,
)
from stations.selectors import security as selectors
from stations.selectors.chargers import is_online
from stations.services import certificates, passwords, roots, upgrades
from users.access import Action, scope


class UpgradeSerializer(serializers.Serializer[ProfileUpgrade]):
    """``detail`` says why where ``step`` is "failed"."""

    target = serializers.IntegerField()
    step = serializers.ChoiceField(choices=UpgradeStep.choices)
    detail = serializers.CharField()
    asked_by = serializers.CharField()
    started_at = Moment()
    deadline = Moment()
    ended_at = Moment(allow_null=True)


class RootSerializer(serializers.Serializer[InstalledRoot]):
    """A root on the charger, as it said itself (CertificateHashData)."""

    id = serializers.IntegerField()
    certificate_type = serializers.ChoiceField(choices=RootUse.choices, source="use")
    hash_algorithm = serializers.CharField()
    issuer_name_hash = serializers.CharField()
    issuer_key_hash = serializers.CharField()
    serial_number = serializers.CharField()
    seen_at = Moment()


class SecuritySerializer(serializers.Serializer[Charger]):
    """``security_profile``: asked for (0: not set). ``least_profile``: it is not let in with less, since
    it has once connected so. ``connection_profile``: of its present or last line."""

    security_profile = serializers.ChoiceField(choices=SecurityProfile.choices)
    least_profile = serializers.IntegerField(read_only=True)
    connection_profile = serializers.IntegerField(read_only=True)
    connection_tls = serializers.CharField(read_only=True)
    connection_certificate = serializers.IntegerField(
        source="connection_certificate_id", read_only=True, allow_null=True
    )
    password_set = serializers.SerializerMethodField()
    password_changed_at = Moment(read_only=True, allow_null=True)
    password_on_its_way = serializers.SerializerMethodField(
        help_text="A new one was sent and has not been used yet; the old one is good as well."
    )
    installed_roots = serializers.SerializerMethodField()
    upgrade = serializers.SerializerMethodField()

    def get_password_set(self, charger: Charger) -> bool:
        return bool(charger.password_hmac)

    def get_password_on_its_way(self, charger: Charger) -> bool:
        return bool(charger.next_password_hmacs)

    @extend_schema_field(RootSerializer(many=True))
    def get_installed_roots(self, charger: Charger) -> Any:
        rows: Any = InstalledRoot.objects.filter(charger=charger)
        return RootSerializer(rows, many=True).data

    @extend_schema_field(UpgradeSerializer(allow_null=True))
    def get_upgrade(self, charger: Charger) -> Any:
        found = selectors.latest_upgrade(charger)
        return UpgradeSerializer(found).data if found else None


class NewUpgradeSerializer(serializers.Serializer[Any]):
    profile = serializers.ChoiceField(choices=[1, 2, 3])
    trusts_us = serializers.BooleanField(
        default=False, help_text="The charger trusts this server's certificate already."
    )


class CertificateSerializer(serializers.Serializer[ChargerCertificate]):
    """``detail``: why it was refused or not taken."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=CertificateState.choices)
    serial = serializers.CharField()
    fingerprint = serializers.CharField(allow_null=True, help_text="SHA-256 over the DER.")
    certificate = serializers.CharField(help_text="PEM; empty until it is signed.")
    requested_at = Moment()
    decided_by = serializers.CharField()
    detail = serializers.CharField()
    not_before = Moment(allow_null=True)
    not_after = Moment(allow_null=True)
    installed_at = Moment(allow_null=True)
    revoked_at = Moment(allow_null=True)
    revoked_by = serializers.CharField()


class CertificateQuery(Query):
    state = serializers.ChoiceField(choices=CertificateState.choices, required=False)


class NewRootSerializer(serializers.Serializer[Any]):
    certificate_type = serializers.ChoiceField(choices=RootUse.choices)
    certificate = serializers.CharField(
        required=False, default="", help_text="PEM; left out: the root of our own authority."
    )


class EventSerializer(serializers.Serializer[SecurityEvent]):
    """``critical`` by the list of the whitepaper; ``device_at`` the charger's own time."""

    id = serializers.IntegerField()
    type = serializers.CharField()
    tech_info = serializers.CharField()
    critical = serializers.BooleanField()
    device_at = Moment(allow_null=True)
    received_at = Moment()


class EventQuery(ByTime):
    time = "received_at"
    type = serializers.CharField(required=False)
    critical = serializers.BooleanField(required=False)


class SecurityEndpoint(ChargerEndpoint):
    """Something of one charger's security."""

    def charger(self, charge_point_id: str) -> Charger:
        found = scope(Charger.objects.all(), self.admin).select_related("station__company")
        rows = found.annotate(online=is_online())
        charger = self.find(rows, charge_point_id__iexact=charge_point_id)
        if self.request.method != "GET":
            waiting.require_ocpp(charger)
        return charger


@extend_schema(tags=["chargers"])
class Security(SecurityEndpoint):
    """How the charger proves who it is. A lower profile lets it in again after a factory reset; a
    higher one is enforced from the first connection that has it."""

    actions: ClassVar = {"GET": Action.VIEW, "PATCH": Action.SECURE_CHARGER}
    serializer_class = SecuritySerializer

    def get(self, request: Request, charge_point_id: str) -> Response:
        return self.answer(self.charger(charge_point_id))

    def patch(self, request: Request, charge_point_id: str) -> Response:
        charger, fields = self.charger(charge_point_id), self.body()
        if "security_profile" in fields:
            upgrades.set_profile(charger, fields["security_profile"], actor=self.actor)
        return self.answer(self.charger(charge_point_id))


@extend_schema(tags=["chargers"])
class Upgrade(SecurityEndpoint):
    """Bring the charger to a higher profile; follow ``security/`` for what comes of it."""

    actions: ClassVar = {"POST": Action.SECURE_CHARGER}
    serializer_class = UpgradeSerializer

    @extend_schema(request=NewUpgradeSerializer, responses={202: UpgradeSerializer})
    def post(self, request: Request, charge_point_id: str) -> Response:
        charger, fields = self.charger(charge_point_id), self.body(NewUpgradeSerializer)
        made = upgrades.begin(
            charger, fields["profile"], trusts_us=fields["trusts_us"], actor=self.actor
        )
        return self.answer(made, 202)


@extend_schema(tags=["chargers"])
class Password(SecurityEndpoint):
    """Send a new random password, which nobody sees. The old one is good until the new one was used."""

    actions: ClassVar = {"POST": Action.SECURE_CHARGER}
    serializer_class = waiting.OutcomeSerializer

    @extend_schema(
        parameters=[waiting.Patience], request=None, responses={200: waiting.OutcomeSerializer}
    )
    def post(self, request: Request, charge_point_id: str) -> HttpResponseBase:
        charger, seconds = self.charger(charge_point_id), waiting.patience(request)
        return waiting.outcome(passwords.renew(charger, actor=self.actor), seconds)


@extend_schema(tags=["chargers"])
class Certificates(SecurityEndpoint, Listing):
    """The charger's own certificates and requests, newest first. POST installs a root certificate."""

    actions: ClassVar = {"GET": Action.VIEW, "POST": Action.SECURE_CHARGER}
    serializer_class = CertificateSerializer
    filters = CertificateQuery

    def rows(self) -> QuerySet[ChargerCertificate]:
        return ChargerCertificate.objects.filter(
            charger=self.charger(self.kwargs["charge_point_id"])
        )

    @extend_schema(
        parameters=[waiting.Patience],
        request=NewRootSerializer,
        responses={200: waiting.OutcomeSerializer},
    )
    def post(self, request: Request, charge_point_id: str) -> HttpResponseBase:
        charger, fields = self.charger(charge_point_id), self.body(NewRootSerializer)
        seconds = waiting.patience(request)
        order = roots.install(
            charger, fields["certificate_type"], fields["certificate"], actor=self.actor
        )
        return waiting.outcome(order, seconds)


@extend_schema(tags=["chargers"])
class AskCertificate(SecurityEndpoint):
    """Have the charger make a key and ask for a certificate."""

    actions: ClassVar = {"POST": Action.SECURE_CHARGER}
    serializer_class = waiting.OutcomeSerializer

    @extend_schema(
        parameters=[waiting.Patience], request=None, responses={200: waiting.OutcomeSerializer}
    )
    def post(self, request: Request, charge_point_id: str) -> HttpResponseBase:
        charger, seconds = self.charger(charge_point_id), waiting.patience(request)
        return waiting.outcome(certificates.ask(charger, actor=self.actor), seconds)


class _OneCertificate(SecurityEndpoint):
    actions: ClassVar = {"POST": Action.SECURE_CHARGER}
    serializer_class = CertificateSerializer

    def decide(self, row: ChargerCertificate) -> None:
        raise NotImplementedError

    @extend_schema(request=None, responses={200: CertificateSerializer}, tags=["chargers"])
    def post(self, request: Request, charge_point_id: str, pk: str) -> Response:
        mine = ChargerCertificate.objects.filter(charger=self.charger(charge_point_id))
        self.decide(self.find(mine.select_related("charger__station"), pk=int(pk)))
        return self.answer(self.find(mine, pk=int(pk)))


class RevokeCertificate(_OneCertificate):
    """It opens no connection any more, and a line that stands by it ends."""

    def decide(self, row: ChargerCertificate) -> None:
        certificates.revoke(row, actor=self.actor)


class ApproveCertificate(_OneCertificate):
    """Let a waiting request be signed."""

    def decide(self, row: ChargerCertificate) -> None:
        certificates.approve(row, actor=self.actor)


class RejectCertificate(_OneCertificate):
    """Refuse a waiting request; the charger may ask again."""

    def decide(self, row: ChargerCertificate) -> None:
        certificates.reject(row, actor=self.actor)


@extend_schema(tags=["chargers"])
class SecurityEvents(SecurityEndpoint, Listing):
    """What the charger reported of its own security, newest first."""

    actions: ClassVar = {"GET": Action.VIEW}
    serializer_class = EventSerializer
    filters = EventQuery
    ordering = ("-received_at", "-id")

    def rows(self) -> QuerySet[SecurityEvent]:
        charger = self.charger(self.kwargs["charge_point_id"])
        return selectors.events(SecurityEvent.objects.filter(charger=charger))
