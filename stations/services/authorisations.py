"""Leave to start that was given on a page: taken back when the charger says no."""

from django.utils import timezone

from core import outbox
from core.models import Fact
from stations.models import Authorisation, Command, CommandStatus

KEY = "start_leave:"


def command_key(leave: Authorisation) -> str:
    """One RemoteStartTransaction per leave."""
    return f"{KEY}{leave.pk}"


def on_command_finished(fact: Fact) -> None:
    """A RemoteStartTransaction that did not get through ends its leave at once."""
    command = Command.objects.get(pk=fact.subject_id)
    if not (command.key or "").startswith(KEY) or command.status == CommandStatus.ACCEPTED:
        return
    leave = Authorisation.objects.select_for_update(of=("self",)).get(
        pk=int((command.key or "")[len(KEY) :])
    )
    if leave.session_id is None and leave.cancelled_at is None:
        leave.cancelled_at = timezone.now()
        leave.save(update_fields=["cancelled_at"])
        outbox.publish("authorisation_lapsed", leave.pk, company_id=fact.company_id)
