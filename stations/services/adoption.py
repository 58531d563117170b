"""A stranger becomes one of ours: with the password it has, or with a new one to type into it."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import NotFound
from stations.models import Charger, Knock, PresentedPassword, Station
from stations.services import chargers, links
from stations.services.chargers import ChargerFields


@dataclass(frozen=True, slots=True)
class Adopted:
    """``password``: to be typed into the charger, told once; '' where it keeps the one it has."""

    charger: Charger
    password: str


class NobodyThere(NotFound):
    code = "nobody_there"
    message = _("No charger of this id has tried to connect in the last days. Check its spelling.")


def adopt(knock: Knock, station: Station, fields: ChargerFields, *, actor: audit.Actor) -> Adopted:
    """Make a charger of a stranger. It connects at its next try, is set up, and is then given a
    random password where the one it has was somebody else's idea. ``IdTaken``, ``BadId``."""
    with transaction.atomic():
        row = Knock.objects.select_for_update().filter(pk=knock.pk, charger__isnull=True).first()
        if row is None:
            raise NobodyThere
        keeps = row.password == PresentedPassword.USABLE and bool(row.password_hmac)
        charger = chargers.create(
            station, row.charge_point_id, fields, actor=actor, renew_password=keeps
        )
        password = ""
        if keeps:
            Charger.objects.filter(pk=charger.pk).update(password_hmac=row.password_hmac)
        else:
            password = links.new_password()
            links.set_password(charger, password)
        audit.record(
            actor,
            "adopt_charger",
            f"charger:{charger.pk}",
            company_id=station.company_id,
            new={
                "charge_point_id": row.charge_point_id,
                "address": row.address,
                "attempts": row.attempts,
                "password": "its own" if keeps else "new",
            },
        )
    return Adopted(charger, password)
