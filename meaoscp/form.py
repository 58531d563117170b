"""FM-OCPP-T-01 Rev.01-10082020 as data: MEA's eleven tests, their steps, and what each asks for.

The words of ``title`` and ``include`` are the form's own (MEA announcement 30/2564, annex); ``do``
is what the person at the charger is told. Step "4.0" is ours and not on the paper: the connector
must be free before a test begins.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NAME = "FM-OCPP-T-01"
REVISION = "Rev.01-10082020"
TESTS = tuple(range(1, 12))
FIRST_CHARGE = 4  # tests 1 to 3 are about the charger as a whole


class Kind(StrEnum):
    """What a step looks for on the wire; ``meaoscp.judging`` has a judge for each."""

    FREE = "free"
    BOOT = "boot"
    STATUSES = "statuses"
    HEARTBEAT = "heartbeat"
    CARD_REFUSED = "card_refused"
    CARD_ACCEPTED = "card_accepted"
    STARTED = "started"
    STATUS = "status"
    METER = "meter"
    CARD_TO_STOP = "card_to_stop"
    STOPPED = "stopped"
    REMOTE_START = "remote_start"
    REMOTE_STOP = "remote_stop"
    RESERVE = "reserve"
    CANCEL = "cancel"
    EXPIRY = "expiry"
    PROFILE = "profile"


# The requests that we send, and the name under which they travel.
ORDERS: dict[Kind, str] = {
    Kind.REMOTE_START: "RemoteStartTransaction",
    Kind.REMOTE_STOP: "RemoteStopTransaction",
    Kind.RESERVE: "ReserveNow",
    Kind.CANCEL: "CancelReservation",
    Kind.PROFILE: "SetChargingProfile",
}
# Which time limit a step has; the rest waits for the charger alone.
PATIENCE_OF: dict[Kind, str] = {
    Kind.FREE: "person",
    Kind.BOOT: "person",
    Kind.STATUSES: "person",
    Kind.HEARTBEAT: "heartbeat",
    Kind.CARD_REFUSED: "person",
    Kind.CARD_ACCEPTED: "person",
    Kind.CARD_TO_STOP: "person",
    Kind.REMOTE_START: "person",
    Kind.METER: "meter",
    Kind.PROFILE: "meter",
}
# Chargers tell a plug's status shortly before or after the message that it belongs to.
LOOSE = frozenset({Kind.STATUS, Kind.METER})


@dataclass(frozen=True, slots=True)
class FormStep:
    """One line of the form. ``status`` are the words that a StatusNotification may have.

    ``reserved``: the start must name the reservation. ``remote``: a stop that we asked for.
    ``plug_first``: our order goes out once a car is plugged in.
    """

    kind: Kind
    title: str = ""
    include: str = ""
    do: str | Promise = ""
    number: str = ""
    status: tuple[str, ...] = ()
    reserved: bool = False
    remote: bool = False
    plug_first: bool = False

    @property
    def on_paper(self) -> bool:
        return self.kind is not Kind.FREE

    @property
    def order(self) -> str:
        """The request of ours that this step sends, or ''."""
        return ORDERS.get(self.kind, "")

    @property
    def patience(self) -> str:
        """The name of its time limit; a reserved charge begins when somebody plugs in."""
        return "person" if self.reserved else PATIENCE_OF.get(self.kind, "wire")


@dataclass(frozen=True, slots=True)
class FormTest:
    """One numbered block. ``page`` is the page of the paper it stands on."""

    number: int
    page: int
    title: str | Promise
    steps: tuple[FormStep, ...]

    @property
    def per_connector(self) -> bool:
        return self.number >= FIRST_CHARGE


START_FIELDS = "Include : connectorId, idTag, timestamp, meterstart, transactionId"
RESERVED_START_FIELDS = (
    "Include : connectorId, idTag, timestamp, meterstart, reservid, transactionId"
)
METER_FIELDS = "Include : Power Offered, Power Active, Current, Voltage, Energy, SOC"
STOP_FIELDS = "Include : transactionId, idTag, timestamp, meterstop"
RESERVE_FIELDS = "Include : idTag, connectorId, reservationId, expire"
REMOTE_START_FIELDS = "Include : idTag, connectorId"

NOTHING = _("Nothing to do. The charger is being watched.")
KEEP_CHARGING = _("Leave the car charging. The charger is being watched.")

_FREE = FormStep(Kind.FREE, do=_("Take the plug out of the car, so that the connector is free."))
_BOOT = FormStep(
    Kind.BOOT,
    "Boot Notification",
    do=_("Nothing to do if the charger answers; else switch it off and on again."),
)
_STATUSES = FormStep(
    Kind.STATUSES,
    "Status Notification",
    "All Connector ID",
    _("Nothing to do. Every connector is asked for its status."),
)
_HEARTBEAT = FormStep(Kind.HEARTBEAT, "Heartbeat", do=NOTHING)
_UNKNOWN_CARD = FormStep(
    Kind.CARD_REFUSED,
    "Authorize (Invalid)",
    do=_("Hold the unknown card to the reader. It must be refused."),
)
_CARD_TO_START = FormStep(
    Kind.CARD_ACCEPTED,
    "Authorize (Accepted)",
    do=_("Plug the car in, then hold the good card to the reader."),
)
_STARTED = FormStep(Kind.STARTED, "Start Transaction", START_FIELDS, KEEP_CHARGING)
_CHARGING = FormStep(Kind.STATUS, "Status Notification", do=KEEP_CHARGING, status=("Charging",))
_METER = FormStep(Kind.METER, "Meter Values", METER_FIELDS, KEEP_CHARGING)
_PROFILE = FormStep(Kind.PROFILE, "Set Charging Profile", "Control Current or Power", KEEP_CHARGING)
_CARD_TO_STOP = FormStep(
    Kind.CARD_TO_STOP,
    "Authorize (Accepted)",
    do=_("Hold the card to the reader again to end the charge."),
)
_STOPPED = FormStep(Kind.STOPPED, "Stop Transaction", STOP_FIELDS, NOTHING)
_AFTER = FormStep(Kind.STATUS, "Status Notification", do=NOTHING, status=("Finishing", "Available"))
_REMOTE_START = FormStep(
    Kind.REMOTE_START,
    "Remote Start Transaction",
    REMOTE_START_FIELDS,
    _("Plug the car in. The start is sent as soon as the charger sees it."),
    plug_first=True,
)
_REMOTE_STOP = FormStep(
    Kind.REMOTE_STOP, "Remote Stop Transaction", "Include : transactionId", NOTHING
)
_RESERVE = FormStep(Kind.RESERVE, "Reserve Now", RESERVE_FIELDS, NOTHING)
_RESERVED = FormStep(
    Kind.STATUS, "Status Notification", "Status : Reserved", NOTHING, status=("Reserved",)
)
_CANCEL = FormStep(Kind.CANCEL, "Cancel Reservation", "Include : reservationId", NOTHING)
_EXPIRY = FormStep(
    Kind.EXPIRY,
    "(Wait until timeout)",
    do=_("Leave the connector alone until the reservation has run out."),
)
_AVAILABLE = FormStep(
    Kind.STATUS, "Status Notification", "Status : Available", NOTHING, status=("Available",)
)
_BOOKED_START = replace(_REMOTE_START, do=NOTHING, plug_first=False)
_BOOKED_STARTED = replace(
    _STARTED,
    include=RESERVED_START_FIELDS,
    do=_("Plug the car in now. The charge begins by itself."),
    reserved=True,
)


def _by_card(*control: FormStep) -> tuple[FormStep, ...]:
    start = (_CARD_TO_START, _STARTED, _CHARGING, _METER)
    return (*start, *control, _CARD_TO_STOP, _STOPPED, _AFTER)


def _by_server(*control: FormStep, booked: bool = False) -> tuple[FormStep, ...]:
    start = (_BOOKED_START, _BOOKED_STARTED) if booked else (_REMOTE_START, _STARTED)
    stopped = replace(_STOPPED, remote=True)
    return (*start, _CHARGING, _METER, *control, _REMOTE_STOP, stopped, _AFTER)


def _test(number: int, page: int, title: str | Promise, *lines: FormStep) -> FormTest:
    free = () if number < FIRST_CHARGE else (replace(_FREE, number=f"{number}.0"),)
    steps = tuple(
        replace(line, number=f"{number}.{n}" if len(lines) > 1 else str(number))
        for n, line in enumerate(lines, 1)
    )
    return FormTest(number, page, title, (*free, *steps))


FORM: tuple[FormTest, ...] = (
    _test(1, 1, _("Switching on"), _BOOT, _STATUSES),
    _test(2, 1, _("Heartbeat"), _HEARTBEAT),
    _test(3, 1, _("Unknown card"), _UNKNOWN_CARD),
    _test(4, 1, _("Charge by card"), *_by_card()),
    _test(5, 2, _("Charge from the server"), *_by_server()),
    _test(6, 2, _("Reserve and cancel"), _RESERVE, _RESERVED, _CANCEL, _AVAILABLE),
    _test(7, 2, _("Reserve and let it expire"), _RESERVE, _RESERVED, _EXPIRY, _AVAILABLE),
    _test(8, 3, _("Charge what was reserved"), _RESERVE, _RESERVED, *_by_server(booked=True)),
    _test(9, 3, _("Limit a charge by card"), *_by_card(_PROFILE)),
    _test(10, 4, _("Limit a charge from the server"), *_by_server(_PROFILE)),
    _test(
        11,
        4,
        _("Limit what was reserved"),
        _RESERVE,
        _RESERVED,
        *_by_server(_PROFILE, booked=True),
    ),
)
STEPS: dict[str, FormStep] = {step.number: step for test in FORM for step in test.steps}
BY_NUMBER: dict[int, FormTest] = {test.number: test for test in FORM}


def plan(connectors: list[int], tests: list[int]) -> Iterator[tuple[int, FormTest, FormStep]]:
    """(connector, test, step) in the order in which they are run."""
    chosen = [test for test in FORM if test.number in tests]
    for test in chosen:
        if not test.per_connector:
            yield from ((0, test, step) for step in test.steps)
    for connector in connectors:
        for test in chosen:
            if test.per_connector:
                yield from ((connector, test, step) for step in test.steps)
