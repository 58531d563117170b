"""What the page says: for every stage its pill, and for every obstacle what it means and what to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evbilling.customer.stage import Stage
from evbilling.states import ERRORS, OFFLINE, STATES, State
from evbilling.templatetags.ui import baht, local, moment
from stations.models import (
    Command,
    CommandStatus,
    Connector,
    ConnectorStatus,
    TapMode,
    Visit,
    VisitStage,
)
from stations.selectors.visits import Place
from stations.services.connectors import offline_since

Text = str | Promise

IN_USE = State("chg", "bolt", gettext_lazy("In use"), gettext_lazy("In use"))
WAITS_FOR_CAR = State(
    "plug", "plug-connected", gettext_lazy("Waiting for the car"), gettext_lazy("Waiting")
)
WAITS_FOR_CARD = State(
    "plug", "id-badge-2", gettext_lazy("Waiting for your card"), gettext_lazy("Waiting")
)
CARD_READ = State("plug", "id-badge-2", gettext_lazy("Card read"), gettext_lazy("Card read"))
STARTING = State("plug", "loader-2", gettext_lazy("Starting"), gettext_lazy("Starting"))
WAITS_FOR_MONEY = State(
    "plug", "loader-2", gettext_lazy("Waiting for the money"), gettext_lazy("Waiting")
)
ENTER_CARD = State("plug", "credit-card", gettext_lazy("Enter your card"), gettext_lazy("Card"))
PAID = State("plug", "plug-connected", gettext_lazy("Paid"), gettext_lazy("Paid"))
UNPAID = State("wait", "alert-circle", gettext_lazy("Not paid"), gettext_lazy("Not paid"))
RETURNED = State(
    "wait", "arrow-back-up", gettext_lazy("The money goes back"), gettext_lazy("Money back")
)
DONE = State("wait", "flag-check", gettext_lazy("Charging is done"), gettext_lazy("Done"))
CLOSED = STATES[ConnectorStatus.UNAVAILABLE]

# Why a card was said no to while the page waited for it: what it means, and what to do.
REFUSED: dict[str, Text] = {
    "unknown_card": gettext_lazy("This card is not known here. Ask the station's office."),
    "card_without_holder": gettext_lazy(
        "This card belongs to nobody yet. Ask the station's office."
    ),
    "card_blocked": gettext_lazy("This card is blocked. Ask the station's office."),
    "customer_disabled": gettext_lazy("This card is blocked. Ask the station's office."),
    "card_expired": gettext_lazy("This card has expired. Ask the station's office."),
    "no_money": gettext_lazy("The wallet is empty. Top up, then tap again."),
    "arrears": gettext_lazy("An earlier charge is not paid yet. Pay it first, then tap again."),
    "overdue": gettext_lazy("A monthly bill is overdue. Pay it first, then tap again."),
    "credit_used_up": gettext_lazy("The credit limit is used up. Ask the station's office."),
    "reserved": gettext_lazy("This plug is kept for somebody else. Use another one."),
    "plug_paid": gettext_lazy("Somebody has just paid for this plug. Choose another one."),
    "ConcurrentTx": gettext_lazy("This card is charging elsewhere. Stop there first."),
}
REFUSED_OTHERWISE = gettext_lazy(
    "The charger did not take the card. Tap again, or use another card."
)

# What a driver can do about a fault (its name: states.ERRORS); of others, keep away.
REPLUG = gettext_lazy("Pull the plug out and plug in again.")
HANDS_OFF = gettext_lazy("Do not force the plug in or out.")
NEXT_STEP: dict[str, Text] = {"ConnectorLockFailure": REPLUG, "EVCommunicationError": REPLUG}

SAID_AFTERWARDS = timedelta(minutes=10)
FULL_SOC = 99  # % from which a car that takes no more is simply full

# A start that the charger did not carry out; the money was not taken.
NOT_STARTED: dict[str, Text] = {
    CommandStatus.REJECTED: gettext_lazy(
        "The charger did not start. Check the plug, then confirm again. Nothing was charged."
    ),
    CommandStatus.OFFLINE: gettext_lazy(
        "The charger lost its connection. Wait a moment, then confirm again. Nothing was charged."
    ),
}
NOT_STARTED_OTHERWISE = gettext_lazy(
    "The charger did not answer. Confirm again, or use another charger. Nothing was charged."
)


@dataclass(frozen=True, slots=True)
class Note:
    """A notice: what happened, what it means, what to do."""

    css: str
    icon: str
    title: Text
    text: Text = ""


_BY_STAGE: dict[Stage, State] = {
    Stage.TAP: WAITS_FOR_CARD,
    Stage.PROVE: CARD_READ,
    Stage.CONFIRM: CARD_READ,
    Stage.STARTING: STARTING,
    Stage.CARD: ENTER_CARD,
    Stage.PAY: WAITS_FOR_MONEY,
    Stage.PAID: PAID,
    Stage.UNPAID: UNPAID,
    Stage.RETURNED: RETURNED,
    Stage.RECEIPT: DONE,
    Stage.CLOSED: CLOSED,
    Stage.OFFLINE: STATES[OFFLINE],
}


def state_of(stage: Stage, place: Place) -> State:
    """The pill."""
    status = place.connector.status
    if stage is Stage.RESERVED:
        return STATES[ConnectorStatus.RESERVED]
    if stage in (Stage.LIVE, Stage.ASK):
        if not place.online:
            return STATES[OFFLINE]
        waiting = status in (ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING)
        return WAITS_FOR_CAR if waiting else STATES[status]
    if stage is Stage.BUSY:
        return STATES[status] if status == ConnectorStatus.FINISHING else IN_USE
    return _BY_STAGE.get(stage) or STATES[status]


def trouble(stage: Stage, place: Place) -> Note | None:
    """Why nobody can charge here now, and the next best step."""
    if stage is Stage.OFFLINE:
        return _offline(place)
    if stage is Stage.FAULT:
        return _fault(place.connector)
    if stage is Stage.RESERVED:
        return _reserved(place)
    if stage is Stage.NO_PRICE:
        return Note(
            "off",
            "info-circle",
            _("There is no price here yet"),
            _("So nobody can be charged. Tell the station's office."),
        )
    if stage is Stage.CLOSED:
        return _closed(place)
    return None


def riding(place: Place, soc: int | None) -> Note | None:
    """What holds a running charge up, if anything."""
    status = place.connector.status
    if not place.online:
        return Note(
            "off",
            "plug-connected-x",
            _("No contact with the charger since %(since)s")
            % {"since": moment(offline_since(place.connector.charger))},
            _("The car may go on charging within the limit. The figures are the last we heard."),
        )
    if status == ConnectorStatus.SUSPENDED_EV and soc is not None and soc >= FULL_SOC:
        return Note(
            "wait",
            "flag-check",
            _("The car is full"),
            _("Unplug and move the car; the next one can then charge here."),
        )
    if status == ConnectorStatus.SUSPENDED_EV:
        return Note(
            "wait",
            "car",
            _("The car is taking no power"),
            _("It may be full, or set to charge later. It is billed only for what it takes."),
        )
    if status == ConnectorStatus.SUSPENDED_EVSE:
        return Note(
            "wait",
            "player-pause",
            _("The charger is pausing"),
            _("Power is shared here. It goes on by itself; there is nothing to do."),
        )
    if status == ConnectorStatus.FAULTED:
        return _fault(place.connector)
    if status in (ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING):
        return Note(
            "plug",
            "plug-connected",
            _("Waiting for the car"),
            _("Push the plug in fully and lock the car; some cars charge only then."),
        )
    return None


def not_started(order: Command | None) -> Text:
    """Why a confirmed charge did not begin."""
    if order is None or order.status == CommandStatus.ACCEPTED:
        return gettext_lazy(
            "The car did not start to charge in time. Plug in, then confirm again. Nothing was charged."
        )
    return NOT_STARTED.get(order.status, NOT_STARTED_OTHERWISE)


def how_to_tap(place: Place) -> list[Text]:
    """The steps at the charger, in order."""
    steps: list[Text] = []
    if place.connector.status != ConnectorStatus.PREPARING:
        steps.append(_("Plug the cable into the car, all the way."))
    steps.append(_("Hold the card to the reader on the charger."))
    if place.connector.charger.station.tap_mode == TapMode.CONFIRM_FIRST:
        steps.append(_("The charger may say no at first: confirm the amount on this page."))
    else:
        steps.append(_("Charging starts at once. Then say here how much you want."))
    return steps


def too_late(visit: Visit | None, now: datetime) -> Text:
    """Why a page that waited a little while ago is back at the beginning."""
    if visit is None or visit.stage == VisitStage.BOUND:
        return ""
    if not timedelta() <= now - visit.waiting_until < SAID_AFTERWARDS:
        return ""
    if visit.stage == VisitStage.RECOGNISED:
        return _("The amount was not confirmed in time. Nothing was charged; you can start again.")
    return _("No card was tapped within three minutes. You can start again.")


def left(until: datetime, now: datetime) -> str:
    """2:41: minutes and seconds, which the phone then counts down."""
    seconds = max(int((until - now).total_seconds()), 0)
    return f"{seconds // 60}:{seconds % 60:02d}"


def chosen(wh: int | None, satang: int | None) -> str:
    """20 kWh, ฿150.00, or until full."""
    if wh is not None:
        return f"{wh // 1000} kWh"
    if satang is not None:
        return baht(satang)
    return _("until full")


def change_in_words(at: datetime, now: datetime) -> str:
    """22:00, tomorrow 09:00, or Mon 23 Nov 2026 09:00."""
    days = (local(at).date() - local(now).date()).days
    if days == 0:
        return f"{local(at):%H:%M}"
    if days == 1:
        return _("tomorrow %(time)s") % {"time": f"{local(at):%H:%M}"}
    weekday = [_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun")]
    return f"{weekday[local(at).weekday()]} {moment(at)}"


def _offline(place: Place) -> Note:
    return Note(
        "off",
        "plug-connected-x",
        _("We cannot reach this charger since %(since)s")
        % {"since": moment(offline_since(place.connector.charger))},
        _("So we take no money here for now. This page tries again by itself."),
    )


def _reserved(place: Place) -> Note:
    kept = place.reservation
    if kept is None:
        return Note(
            "rsv",
            "calendar-time",
            _("This plug is reserved"),
            _("Somebody has booked it. Use another charger for now."),
        )
    return Note(
        "rsv",
        "calendar-time",
        _("Reserved until %(time)s – free again then") % {"time": moment(kept.expires_at)},
        _("If it is reserved for you: plug in and hold your card to the charger."),
    )


def _fault(connector: Connector) -> Note:
    code = connector.error_code
    why = f"{ERRORS[code]} ({code})" if code in ERRORS else ""
    since = _("since %(time)s") % {"time": moment(connector.status_at)}
    return Note(
        "bad",
        "alert-triangle",
        _("The charger has switched itself off to be safe"),
        f"{' · '.join(filter(None, [why, since]))} · {NEXT_STEP.get(code, HANDS_OFF)}",
    )


def _closed(place: Place) -> Note:
    charger = place.connector.charger
    if not charger.station.enabled:
        return Note(
            "out",
            "ban",
            _("This station is closed for now"),
            _("No charger here takes cards until it opens again."),
        )
    return Note(
        "out",
        "ban",
        _("This charger is out of service"),
        _("The owner has switched it off. Use another one for now."),
    )
