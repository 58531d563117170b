"""What a person does about a charger's setup: again, put right, another template, restart, stop."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import Conflict, DomainError
from stations.models import (
    Charger,
    ChargerSetup,
    Command,
    Commissioning,
    CommissioningReason,
    ConfigurationTemplate,
    Protocol,
)
from stations.models.configuration import OPEN_STATES
from stations.services import chargers, commands, commissioning
from stations.services.configuration import setup_of


class UnderWay(Conflict):
    code = "commissioning_under_way"
    message = _("This charger is being set up already. Wait until it is done, or stop it first.")


class NotOcpp(Conflict):
    code = "not_supported"
    message = _("Only chargers that speak OCPP are set up this way.")


class ForeignTemplate(DomainError):
    code = "foreign_template"
    message = _("The template belongs to another company.")


class NoRestartNow(Conflict):
    code = "charging_now"
    message = _("A car is charging here. Restart the charger when it has ended.")


def again(charger: Charger, *, force: bool = False, actor: audit.Actor) -> Commissioning:
    """Set it up from the start, now or when it is next there. ``force``: ask also what this
    firmware has restarted over before."""
    with transaction.atomic():
        if force:
            ChargerSetup.objects.filter(charger=charger).update(avoid={})
        return _begin(charger, CommissioningReason.AGAIN, "commission_charger", actor)


def put_right(charger: Charger, *, actor: audit.Actor) -> Commissioning:
    """Set what differs from what is wanted, one key at a time, now or when it is next there."""
    with transaction.atomic():
        return _begin(charger, CommissioningReason.PUT_RIGHT, "put_configuration_right", actor)


def _begin(
    charger: Charger, reason: CommissioningReason, action: str, actor: audit.Actor
) -> Commissioning:
    if charger.protocol != Protocol.OCPP16:
        raise NotOcpp
    run = commissioning.prepare(charger, reason=reason, by=actor.name)
    if run is None:
        raise UnderWay
    commissioning.due(run)
    _record(actor, action, charger, {"run": run.pk})
    return run


def stop(charger: Charger, *, actor: audit.Actor) -> None:
    """End the run that is under way or waits; what was set stays set."""
    with transaction.atomic():
        run = Commissioning.objects.filter(charger=charger, state__in=OPEN_STATES).first()
        if run is not None:
            commissioning.stop(run)
            _record(actor, "stop_commissioning", charger, {"run": run.pk})


def choose_template(
    charger: Charger, template: ConfigurationTemplate | None, *, actor: audit.Actor
) -> None:
    """Which template holds for the charger; None: the company's default. Nothing is sent by this."""
    if template is not None and template.company_id != charger.station.company_id:
        raise ForeignTemplate(field="template")
    with transaction.atomic():
        setup = setup_of(charger)
        if setup.template_id != (template.pk if template else None):
            setup.template = template
            setup.save(update_fields=["template"])
            _record(actor, "choose_template", charger, {"template": template and template.name})


def restart(charger: Charger, *, actor: audit.Actor) -> Command:
    """Restart it so that settings that wait for that hold: only while nobody charges."""
    if chargers.is_charging(charger):
        raise NoRestartNow
    with transaction.atomic():
        command = commands.request(charger, "Reset", {"type": "Soft"}, by=actor.name)
        said = {"action": "Reset", "payload": {"type": "Soft"}, "command": command.pk}
        _record(actor, "command_charger", charger, said)
    return command


def _record(actor: audit.Actor, action: str, charger: Charger, new: dict[str, object]) -> None:
    subject, company_id = f"charger:{charger.pk}", charger.station.company_id
    audit.record(actor, action, subject, company_id=company_id, new=new)
