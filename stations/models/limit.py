"""What a connector may draw, and how far the charger has been told."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from stations.models.charger import Connector


class LimitState(models.TextChoices):
    """told → confirmed by the charger, or refused in every way we know."""

    TOLD = "told", _("Told, not confirmed yet")
    CONFIRMED = "confirmed", _("Confirmed by the charger")
    REFUSED = "refused", _("Refused by the charger")
    UNREACHED = "unreached", _("The charger could not be reached")


class PowerLimit(models.Model):
    """The limit wished for a connector (number 0: the whole charger).

    Either ``amps`` per phase or ``watts``; neither: no limit. ``wish`` grows with each new wish, so
    that an answer to an older one is recognised; ``way`` is the way of saying it that is being
    tried, kept from wish to wish: what a charger has taken once is tried first.
    """

    connector = models.OneToOneField(
        Connector, on_delete=models.CASCADE, related_name="power_limit"
    )
    amps = models.DecimalField(max_digits=6, decimal_places=1, null=True)
    watts = models.PositiveIntegerField(null=True)
    until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=120, blank=True)
    wish = models.PositiveIntegerField(default=0)
    way = models.PositiveSmallIntegerField(default=0)
    tried = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=9, choices=LimitState.choices, default=LimitState.UNREACHED)
    wished_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    company_path = "connector__charger__station__company"
    station_path = "connector__charger__station"

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amps__isnull=True) | Q(watts__isnull=True), name="limit_in_one_unit"
            ),
            models.CheckConstraint(
                condition=Q(amps__isnull=True) | Q(amps__gte=0), name="limit_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(state__in=LimitState.values), name="limit_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amps or self.watts} at {self.connector_id}"
