"""A connector kept for one card until a moment (OCPP 1.6 §3.13)."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Charger, Connector
from stations.models.session import Session
from users.models import Card, Customer


class ReservationStatus(models.TextChoices):
    """requested → reserved → one of the rest. ``reserved`` only after the charger's Accepted."""

    REQUESTED = "requested", _("Asking the charger")
    RESERVED = "reserved", _("Reserved")
    USED = "used", _("Used")
    CANCELLED = "cancelled", _("Cancelled")
    EXPIRED = "expired", _("Expired")
    REFUSED = "refused", _("Refused")


OPEN_RESERVATION = (ReservationStatus.REQUESTED, ReservationStatus.RESERVED)


class RefusedBecause(models.TextChoices):
    """ReservationStatus of a ReserveNow.conf (OCPP 1.6 §7.40), and why there was none."""

    OCCUPIED = "Occupied", _("the connector is in use")
    FAULTED = "Faulted", _("the connector has a fault")
    UNAVAILABLE = "Unavailable", _("the connector is out of service")
    REJECTED = "Rejected", _("the charger takes no reservations")
    NOT_SUPPORTED = "NotSupported", _("the charger does not know reservations")
    ERROR = "Error", _("the charger answered with an error")
    OFFLINE = "offline", _("the charger was offline")
    NO_ANSWER = "NoAnswer", _("the charger did not answer")


class Withdrawal(models.TextChoices):
    """What is left to do at the charger: take back what it may still hold."""

    NONE = "", _("nothing")
    DUE = "due", _("to be cancelled at the charger")
    SENT = "sent", _("being cancelled at the charger")
    DONE = "done", _("gone from the charger")
    FAILED = "failed", _("could not be cancelled at the charger")


class Reservation(models.Model):
    """``number`` is OCPP's reservationId; without ``connector`` it is for any one of the charger.

    ``session`` is the charge that used it. ``reason`` says why the charger did not take it.
    ``visitor`` is the phone that made it on the connector's page, if one did.
    """

    number = models.IntegerField(unique=True)
    charger = models.ForeignKey(Charger, on_delete=models.PROTECT, related_name="reservations")
    connector = models.ForeignKey(
        Connector, on_delete=models.PROTECT, null=True, related_name="reservations"
    )
    card = models.ForeignKey(Card, on_delete=models.PROTECT, related_name="reservations")
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="reservations")
    id_tag = models.CharField(max_length=20)
    parent_id_tag = models.CharField(max_length=20, blank=True)
    made_by = models.CharField(max_length=120)
    visitor = models.CharField(max_length=43, blank=True)
    status = models.CharField(
        max_length=9, choices=ReservationStatus.choices, default=ReservationStatus.REQUESTED
    )
    reason = models.CharField(max_length=12, blank=True, choices=RefusedBecause.choices)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    reserved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=120, blank=True)
    session = models.OneToOneField(
        Session, on_delete=models.PROTECT, null=True, related_name="reservation"
    )
    withdrawal = models.CharField(max_length=6, blank=True, choices=Withdrawal.choices)
    withdraw_at = models.DateTimeField(null=True)
    withdraw_tries = models.PositiveSmallIntegerField(default=0)

    company_path = "charger__station__company"
    station_path = "charger__station"

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["charger", "-id"], name="reservation_charger"),
            models.Index(
                fields=["expires_at"],
                name="reservation_open",
                condition=Q(status__in=["requested", "reserved"]),
            ),
            models.Index(
                fields=["withdraw_at"],
                name="reservation_withdraw",
                condition=Q(withdrawal="due"),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["connector"],
                condition=Q(status__in=["requested", "reserved"]),
                name="reservation_one_per_connector",
            ),
            models.UniqueConstraint(
                fields=["charger"],
                condition=Q(status__in=["requested", "reserved"], connector__isnull=True),
                name="reservation_one_for_any",
            ),
            models.UniqueConstraint(
                fields=["card"],
                condition=Q(status__in=["requested", "reserved"]),
                name="reservation_one_per_card",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("made_at")), name="reservation_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(status__in=ReservationStatus.values), name="reservation_status_known"
            ),
            models.CheckConstraint(
                condition=Q(withdrawal__in=Withdrawal.values), name="reservation_withdrawal_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["requested", "reserved"], ended_at__isnull=True)
                | (~Q(status__in=["requested", "reserved"]) & Q(ended_at__isnull=False)),
                name="reservation_open_or_ended",
            ),
            models.CheckConstraint(
                condition=Q(status="used", session__isnull=False)
                | (~Q(status="used") & Q(session__isnull=True)),
                name="reservation_used_by_a_session",
            ),
            models.CheckConstraint(
                condition=~Q(status="reserved") | Q(reserved_at__isnull=False),
                name="reservation_reserved_by_the_charger",
            ),
        ]

    def __str__(self) -> str:
        return f"reservation {self.number}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_RESERVATION
