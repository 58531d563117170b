"""One thing done at many chargers, a few at a time, by facts only: it goes on after any crash.

``advance`` is the one place that begins work: it locks the campaign, looks who is free, and gives
the next orders. What comes of them (``on_outcome``, ``on_transfer_changed``), a charger's arrival
and a sweep call it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from core import audit, outbox
from core.errors import Conflict, DomainError
from core.models import Fact, Lease
from stations.models import (
    Campaign,
    CampaignKind,
    CampaignState,
    CampaignTarget,
    Charger,
    Command,
    CommandStatus,
    Connector,
    ConnectorStatus,
    FirmwareImage,
    Protocol,
    Session,
    SessionStatus,
    TargetState,
    Transfer,
    TransferKind,
    TransferState,
)
from stations.services import commands, passwords, transfers
from stations.services.transfers import Wish
from users.models import Company

KEY = "campaign:"
MOST_CHARGERS, MOST_STEPS = 5_000, 20
MOST_PARALLEL, LONGEST = 200, timedelta(days=90)
BUSY = (
    ConnectorStatus.CHARGING,
    ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE,
)
# Orders that need an address for the file that comes back.
UPLOADS = {
    ("GetDiagnostics", ""): TransferKind.DIAGNOSTICS,
    ("GetLog", "DiagnosticsLog"): TransferKind.DIAGNOSTICS_LOG,
    ("GetLog", "SecurityLog"): TransferKind.SECURITY_LOG,
}
FIRMWARE_ACTIONS = ("UpdateFirmware", "SignedUpdateFirmware")
Step = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign does. ``steps`` are [{"action", "payload"}], checked by the caller against the
    official schemas; of a firmware one step whose payload may hold retries and retryInterval."""

    name: str
    kind: str
    deadline: datetime
    steps: Sequence[Step] = field(default_factory=tuple)
    firmware: FirmwareImage | None = None
    max_parallel: int = 10
    while_charging: bool = False


def create(
    company: Company, plan: Plan, chargers: Sequence[Charger], *, actor: audit.Actor
) -> Campaign:
    """Begin it at once. ``DomainError`` names the field that is to blame; then nothing is done."""
    _check(plan)
    _check_chargers(plan, chargers)
    with transaction.atomic():
        campaign = Campaign.objects.create(
            company=company,
            name=plan.name.strip(),
            kind=plan.kind,
            firmware=plan.firmware,
            steps=list(plan.steps),
            max_parallel=plan.max_parallel,
            while_charging=plan.while_charging,
            deadline=plan.deadline,
            created_by=actor.name,
        )
        CampaignTarget.objects.bulk_create(
            CampaignTarget(campaign=campaign, charger=charger) for charger in chargers
        )
        about = {"name": campaign.name, "kind": campaign.kind, "chargers": len(chargers)}
        _record(actor, "start_campaign", campaign, {**about, "steps": campaign.steps})
        _publish(campaign)
    advance(campaign.pk)
    return campaign


def pause(campaign: Campaign, *, actor: audit.Actor) -> None:
    """Begin no further charger; those under way go on to their end."""
    _turn(campaign, (CampaignState.RUNNING,), CampaignState.PAUSED, actor, "pause_campaign")


def resume(campaign: Campaign, *, actor: audit.Actor) -> None:
    _turn(campaign, (CampaignState.PAUSED,), CampaignState.RUNNING, actor, "resume_campaign")
    advance(campaign.pk)


def cancel(campaign: Campaign, *, actor: audit.Actor) -> None:
    """Begin no further charger, ever; what is under way cannot be taken back and is followed."""
    before = (CampaignState.RUNNING, CampaignState.PAUSED)
    _turn(campaign, before, CampaignState.CANCELLED, actor, "cancel_campaign")


def advance(campaign_id: int) -> None:
    """Begin as many waiting chargers as there is room for; end the campaign after the last one."""
    with transaction.atomic():
        campaign = _locked(campaign_id)
        if campaign.state != CampaignState.RUNNING:
            return
        now = timezone.now()
        waiting = campaign.targets.filter(state=TargetState.WAITING)
        if campaign.deadline <= now:
            waiting.update(state=TargetState.MISSED, changed_at=now)
        working = campaign.targets.filter(state=TargetState.WORKING).count()
        ready = _ready(campaign, waiting)[: max(campaign.max_parallel - working, 0)]
        for target in ready:
            _begin(campaign, target)
        if ready:
            _publish(campaign)
        open_states = (TargetState.WAITING, TargetState.WORKING)
        if not campaign.targets.filter(state__in=open_states).exists():
            campaign.state, campaign.ended_at = CampaignState.DONE, now
            campaign.save(update_fields=["state", "ended_at"])
            _publish(campaign)


def on_outcome(command: Command) -> None:
    """A charger has answered a step, or has not."""
    pk = int((command.key or "")[len(KEY) :].split(":")[0])
    with transaction.atomic():
        campaign, target = _locked_target(pk)
        if target.command_id != command.pk or target.state != TargetState.WORKING:
            return
        if command.status == CommandStatus.OFFLINE:
            _wait_again(campaign, target)
        elif command.status != CommandStatus.ACCEPTED:
            _settle(target, TargetState.FAILED, _word_of(command))
        elif target.step + 1 < len(campaign.steps):
            target.step, target.attempt = target.step + 1, 0
            _next_step(campaign, target)
        else:
            _settle(target, TargetState.DONE, _word_of(command))
        _publish(campaign)
    advance(campaign.pk)


def on_transfer_changed(fact: Fact) -> None:
    """A file that a campaign waits for has moved on, or has not."""
    found = CampaignTarget.objects.filter(transfer_id=fact.subject_id).values_list("pk", flat=True)
    for pk in found:
        with transaction.atomic():
            campaign, target = _locked_target(pk)
            transfer = Transfer.objects.get(pk=fact.subject_id)
            if target.transfer_id != transfer.pk:
                continue
            _follow(campaign, target, transfer)
            _publish(campaign)
        advance(campaign.pk)


def on_booted(charger_ids: Sequence[int]) -> None:
    """Chargers have booted: whoever waits for them need not wait for the sweep."""
    waiting = CampaignTarget.objects.filter(
        charger__in=charger_ids, state=TargetState.WAITING, campaign__state=CampaignState.RUNNING
    )
    for pk in sorted(set(waiting.values_list("campaign_id", flat=True))):
        advance(pk)


def sweep() -> int:
    """Chargers that came back without a boot, cars that left, deadlines. Safe to repeat."""
    running = list(
        Campaign.objects.filter(state=CampaignState.RUNNING).values_list("pk", flat=True)
    )
    for pk in running:
        advance(pk)
    return 0


# --- one charger ---------------------------------------------------------------------------------------


def _ready(campaign: Campaign, waiting: QuerySet[CampaignTarget]) -> QuerySet[CampaignTarget]:
    """Those that are online now and, unless told so, have no car that is being charged."""
    lines = Lease.objects.filter(
        name=OuterRef("charger__connection_holder"), expires_at__gt=timezone.now()
    )
    found = waiting.filter(Exists(lines), charger__deleted_at__isnull=True)
    if not campaign.while_charging:
        running = Session.objects.filter(
            charger=OuterRef("charger_id"), status=SessionStatus.ACTIVE, refusal=""
        )
        busy = Connector.objects.filter(charger=OuterRef("charger_id"), status__in=BUSY)
        found = found.exclude(Exists(running)).exclude(Exists(busy))
    return found.select_related("charger__station").order_by("pk")


def _begin(campaign: Campaign, target: CampaignTarget) -> None:
    target.state, target.detail = TargetState.WORKING, ""
    _next_step(campaign, target)


def _next_step(campaign: Campaign, target: CampaignTarget) -> None:
    """Give the order of the target's present step. A refusal of ours is the target's end."""
    step = campaign.steps[target.step]
    target.attempt += 1
    target.changed_at = timezone.now()
    by = f"{campaign.created_by} · {campaign.name}"
    try:
        with transaction.atomic():
            kind = upload_kind(step)
            if campaign.firmware is not None or kind:
                target.transfer = _transfer(campaign, target, step, kind, by)
            else:
                target.command = commands.request(
                    target.charger,
                    step["action"],
                    step["payload"],
                    by=by,
                    key=f"{KEY}{target.pk}:{target.step}:{target.attempt}",
                )
    except transfers.ChargerAway:
        target.state = TargetState.WAITING
    except DomainError as error:
        with translation.override("en"):  # kept, and read in whatever language
            target.state, target.detail = TargetState.FAILED, str(error)[:300]
    target.save()


def _transfer(
    campaign: Campaign, target: CampaignTarget, step: Step, kind: str, by: str
) -> Transfer:
    payload = step["payload"]
    wish = Wish(retries=payload.get("retries"), retry_interval_s=payload.get("retryInterval"))
    if campaign.firmware is None:
        return transfers.order_upload(target.charger, kind, by=by, wish=wish)
    signed = step["action"] == "SignedUpdateFirmware"
    return transfers.order_firmware(
        target.charger, campaign.firmware, by=by, signed=signed, wish=wish
    )


def _follow(campaign: Campaign, target: CampaignTarget, transfer: Transfer) -> None:
    if transfer.state == TransferState.DONE:
        _settle(target, TargetState.DONE, transfer.status)
    elif transfer.status == transfers.NOT_SENT:
        _wait_again(campaign, target)
    elif transfer.state == TransferState.FAILED:
        _settle(target, TargetState.FAILED, f"{transfer.status} {transfer.detail}".strip())
    elif target.state == TargetState.WORKING or campaign.state == CampaignState.RUNNING:
        _settle(target, TargetState.WORKING, transfer.status)


def _wait_again(campaign: Campaign, target: CampaignTarget) -> None:
    """It went away before it saw the order: it is told again when it is back, if there is time."""
    if campaign.state == CampaignState.CANCELLED:
        _settle(target, TargetState.CANCELLED)
    else:
        _settle(target, TargetState.WAITING)


def _settle(target: CampaignTarget, state: TargetState, detail: str = "") -> None:
    target.state, target.detail, target.changed_at = state, detail[:300], timezone.now()
    target.save(update_fields=["state", "detail", "changed_at"])


def _word_of(command: Command) -> str:
    """The charger's own word."""
    answer = command.response if isinstance(command.response, dict) else {}
    word = str(answer.get("status") or answer.get("errorCode") or command.status)
    if command.action == "ChangeConfiguration":
        return f"{command.payload.get('key')}: {word}"
    return word


def upload_kind(step: Step) -> str:
    """What kind of file the order brings back; '' where it brings none."""
    return str(UPLOADS.get((step["action"], step["payload"].get("logType", "")), ""))


# --- the campaign ---------------------------------------------------------------------------------------


def _locked(campaign_id: int) -> Campaign:
    rows = Campaign.objects.select_for_update(of=("self",)).select_related("firmware")
    return rows.get(pk=campaign_id)


def _locked_target(pk: int) -> tuple[Campaign, CampaignTarget]:
    """The campaign first, then its target: the one order of locks."""
    campaign = _locked(CampaignTarget.objects.values_list("campaign_id", flat=True).get(pk=pk))
    rows = CampaignTarget.objects.select_for_update(of=("self",))
    return campaign, rows.select_related("charger__station").get(pk=pk)


def _turn(
    campaign: Campaign,
    before: tuple[CampaignState, ...],
    after: CampaignState,
    actor: audit.Actor,
    action: str,
) -> None:
    with transaction.atomic():
        row = _locked(campaign.pk)
        if row.state not in before:
            raise Conflict(
                _("The campaign is %(state)s: this is not possible any more."),
                code="wrong_state",
                state=row.get_state_display(),
            )
        row.state = after
        if after == CampaignState.CANCELLED:
            row.ended_at = timezone.now()
            row.targets.filter(state=TargetState.WAITING).update(
                state=TargetState.CANCELLED, changed_at=row.ended_at
            )
        row.save(update_fields=["state", "ended_at"])
        _record(actor, action, row, {"state": after})
        _publish(row)
    campaign.state, campaign.ended_at = row.state, row.ended_at


def _check(plan: Plan) -> None:
    now = timezone.now()
    wrong: tuple[tuple[bool, str, Any], ...] = (
        (not plan.name.strip(), "name", _("Give the campaign a name.")),
        (plan.kind not in CampaignKind.values, "kind", _("Choose what shall be done.")),
        (
            not 1 <= plan.max_parallel <= MOST_PARALLEL,
            "max_parallel",
            _("Enter a whole number from 1 to 200."),
        ),
        (plan.deadline <= now, "deadline", _("The deadline must lie in the future.")),
        (plan.deadline > now + LONGEST, "deadline", _("The deadline is at most 90 days away.")),
        (
            (plan.kind == CampaignKind.FIRMWARE) != (plan.firmware is not None),
            "firmware",
            _("Choose the firmware."),
        ),
        (not 1 <= len(plan.steps) <= MOST_STEPS, "steps", _("Say what each charger is told.")),
    )
    for is_wrong, name, sentence in wrong:
        if is_wrong:
            raise DomainError(sentence, code="invalid", field=name)
    for step in plan.steps:
        _check_step(plan, step)


def _check_step(plan: Plan, step: Step) -> None:
    action, payload = step["action"], step["payload"]
    if plan.firmware is None and action in FIRMWARE_ACTIONS:
        raise DomainError(
            _("New firmware is sent by a campaign of that kind."), code="invalid", field="action"
        )
    if plan.kind == CampaignKind.ORDER and len(plan.steps) > 1:
        raise DomainError(_("Choose one order."), code="invalid", field="steps")
    passwords.refuse_for_many(action, payload)


def _check_chargers(plan: Plan, chargers: Sequence[Charger]) -> None:
    if not chargers:
        raise DomainError(_("Choose at least one charger."), code="required", field="chargers")
    if len(chargers) > MOST_CHARGERS:
        raise DomainError(
            _("At most %(most)s chargers at once."),
            code="too_many",
            field="chargers",
            most=MOST_CHARGERS,
        )
    for charger in chargers:
        if charger.protocol != Protocol.OCPP16:
            raise DomainError(
                _("%(charger)s does not speak OCPP."),
                code="not_supported",
                field="chargers",
                charger=charger.charge_point_id,
            )
        if plan.firmware is not None:
            signed = plan.steps[0]["action"] == "SignedUpdateFirmware"
            _check_fit(charger, plan.firmware, signed)


def _check_fit(charger: Charger, image: FirmwareImage, signed: bool) -> None:
    try:
        transfers.check_fits(charger, image, signed=signed)
    except DomainError as error:
        if error.field != "firmware":
            raise
        raise DomainError(
            f"{charger.charge_point_id}: {error}", code=error.code, field="chargers"
        ) from None


def _record(actor: audit.Actor, action: str, campaign: Campaign, new: dict[str, Any]) -> None:
    audit.record(actor, action, f"campaign:{campaign.pk}", company_id=campaign.company_id, new=new)


def _publish(campaign: Campaign) -> None:
    outbox.publish(
        "campaign_changed", campaign.pk, company_id=campaign.company_id, state=campaign.state
    )
