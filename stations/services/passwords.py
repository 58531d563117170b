"""A charger gets a new random password over its own line (OCPP 1.6 security whitepaper, A00/A01)."""

from django.db import transaction

from core import audit
from stations.models import Charger, Command, CommandStatus
from stations.services import commands, links

WORD = "password"


def renew(charger: Charger, *, actor: audit.Actor) -> Command:
    """Have the charger take a new random password; it holds here from its word ``Accepted`` on.

    The order's key keeps the new password's HMAC, so that its outcome needs nothing else.
    """
    password = links.new_password()
    digest = links.password_digest(charger.charge_point_id, password)
    return commands.request(
        charger,
        "ChangeConfiguration",
        {"key": "AuthorizationKey"},
        by=actor.name,
        key=f"{WORD}:{digest}",
        secret={"value": password},
    )


def on_outcome(command: Command) -> None:
    """The charger has taken it: from now on it is let in with the new one only."""
    if command.status != CommandStatus.ACCEPTED or not command.key:
        return
    with transaction.atomic():
        digest = command.key.partition(":")[2]
        Charger.objects.filter(pk=command.charger_id).update(password_hmac=digest)
