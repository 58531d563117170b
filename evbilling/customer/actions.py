"""What a phone may do at a plug. Each says no in a sentence and leaves a line in the record."""

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.services import allowance
from core import audit
from core.audit import Actor
from core.errors import Conflict, DomainError, NotAllowed
from evbilling.customer import choice, page
from evbilling.customer.page import Look
from evbilling.customer.stage import Stage
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import CommandStatus, Connector, Session, Visit
from stations.models.command import OPEN
from stations.selectors import visits as reads
from stations.services import authorising, visits

STOP_AGAIN = timedelta(seconds=15)  # a second tap on Stop within it is the same wish


class NotYours(NotAllowed):
    """Another customer's charge, or nobody's: the answer is the same."""

    code = "not_yours"
    message = gettext_lazy(
        "This phone is not bound to a charge here. Tap your card, or say its last digits."
    )


def wait_for_card(look: Look, typed: choice.Typed | None, actor: Actor) -> None:
    """The page begins to wait for a tap. What was chosen must make sense already."""
    if look.stage not in (Stage.FREE, Stage.TAP, Stage.PROVE):
        raise Conflict(_("Nobody can start a charge here right now."), code="not_free")
    if typed is not None:
        _read(look, typed, actor)
    visits.wait(look.connector, look.visitor)


def cancel(look: Look, actor: Actor) -> None:
    """Stop waiting; leave that was given is taken back and its money is free."""
    visits.cancel(look.connector, look.visitor)


def confirm(look: Look, typed: choice.Typed, actor: Actor) -> None:
    """The amount: of the charge that runs, or to start one with the card that was read."""
    if look.stage not in (Stage.CONFIRM, Stage.STARTING, Stage.ASK, Stage.LIVE):
        _refuse(look, actor, "choose_amount")
    if look.stage is Stage.STARTING:
        return  # a second tap on Confirm
    chosen = _read(look, typed, actor)
    try:
        if look.session is not None:
            allowance.choose(look.session, wh=chosen.wh, satang=chosen.satang)
        else:
            _start(look, chosen, actor)
    except DomainError as error:
        _note(look, actor, "choose_amount", refused=True, typed=_shown(typed), code=error.code)
        raise
    _note(look, actor, "choose_amount", typed=_shown(typed))


def stop(look: Look, actor: Actor) -> None:
    """Ask the charger to end this phone's own charge."""
    session = look.session
    if session is None or look.stage not in (Stage.ASK, Stage.LIVE):
        _refuse(look, actor, "stop_session")
        return
    before = reads.last_stop(session, STOP_AGAIN)
    if before is not None and before.status in (*OPEN, CommandStatus.ACCEPTED):
        return
    OcppDriver().stop(session, by=f"{actor.kind} {actor.name or actor.id}")
    _note(look, actor, "stop_session")


def claim(look: Look, said: str, actor: Actor) -> None:
    """This phone says whose card it was: of the charge that runs, or of the tap just now."""
    if look.stage is Stage.PROVE and look.phone.visit is not None:
        visits.claim_tap(look.phone.visit, said, actor=actor)
        return
    running = look.place.session
    if running is None:
        raise Conflict(_("The time for this is over. Start again."), code="no_session")
    visits.claim_session(running, look.visitor, said, actor=actor)


def _read(look: Look, typed: choice.Typed, actor: Actor) -> choice.Choice:
    """The amount, or its sentence; what makes no sense is on record."""
    try:
        return page.bounds_of(look).read(typed)
    except choice.BadChoice as error:
        _note(look, actor, "choose_amount", refused=True, typed=_shown(typed), code=error.code)
        raise


def _start(look: Look, chosen: choice.Choice, actor: Actor) -> None:
    """Hold the money, give leave, tell the charger. Twice at once is once: the plug is locked."""
    with transaction.atomic():
        connector = Connector.objects.select_for_update().get(pk=look.connector.pk)
        visit = Visit.objects.select_related("card__customer", "connector").get(
            connector=connector, visitor=look.visitor
        )
        if visit.card is None or reads.open_leave(visit) is not None:
            return
        leave = allowance.reserve_for_page(
            look.connector,
            authorising.holder_of(visit.card),
            visit.card,
            visitor=look.visitor,
            wh=chosen.wh,
            satang=chosen.satang,
        )
        # The start binds the page that still waits; it has until the leave lapses, and a little.
        visits.keep(visit, leave.expires_at + timedelta(minutes=1))
        OcppDriver().start(leave, by=f"{actor.kind} {actor.name or actor.id}")


def _refuse(look: Look, actor: Actor, action: str) -> None:
    """Another's charge stays another's, and the try is on record."""
    _note(look, actor, action, refused=True)
    raise NotYours


def _note(look: Look, actor: Actor, action: str, *, refused: bool = False, **new: str) -> None:
    session: Session | None = look.session or look.place.session
    subject = f"session:{session.pk}" if session else f"connector:{look.connector.pk}"
    audit.record(
        actor,
        action,
        subject,
        company_id=look.connector.charger.station.company_id,
        new=new or None,
        refused=refused,
    )


def _shown(typed: choice.Typed) -> str:
    """What was asked for, short enough to keep."""
    value = {choice.KWH: typed.kwh, choice.BAHT: typed.baht}.get(typed.by, "")
    text = f"{typed.by[:8]} {value[:24]}".strip()
    return "".join(c for c in text if c.isprintable())
