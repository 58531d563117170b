"""Leave to start that was given on a page: taken back when the charger says no."""

from django.utils import timezone

from core import outbox
from stations.models import Authorisation, Command, CommandStatus

KEY = "start_leave:"


def command_key(leave: Authorisation) -> str:
    """One RemoteStartTransaction per leave."""
    return f"{KEY}{leave.pk}"


def on_outcome(command: Command) -> None:
    """A RemoteStartTransaction that did not get through ends its leave at once."""
    if command.status == CommandStatus.ACCEPTED:
        return
    leave = Authorisation.objects.select_for_update(of=("self",)).get(
        pk=int((command.key or "")[len(KEY) :])
    )
    if leave.session_id is None and leave.cancelled_at is None:
        leave.cancelled_at = timezone.now()
        leave.save(update_fields=["cancelled_at"])
        company_id = command.charger.station.company_id
        outbox.publish("authorisation_lapsed", leave.pk, company_id=company_id)
