"""Leave to start that was given on a page: taken back when the charger says no."""

from django.utils import timezone

from core import outbox
from core.models import Fact
from stations.models import Authorisation, Command, CommandStatus
from stations.services import findings

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


def on_lapsed(fact: Fact) -> None:
    """A start that the charger accepted and that nothing followed is noted of it (quirk 55)."""
    leave = Authorisation.objects.select_related("connector").get(pk=fact.subject_id)
    if leave.session_id is not None or leave.expires_at > timezone.now():
        return
    key = command_key(leave)
    if Command.objects.filter(key=key, status=CommandStatus.ACCEPTED).exists():
        seen = {"connector": leave.connector.connector_id}
        findings.note(leave.connector.charger_id, ["start_ignored"], seen)
