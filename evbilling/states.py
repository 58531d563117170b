"""States as people see them: icon, word and colour, always all three (mockups: States).

Colour means state and nothing else. The classes are defined in ``static/css/tokens.css``.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from stations.models import ConnectorStatus


@dataclass(frozen=True, slots=True)
class State:
    """``css`` names the hue, ``icon`` the symbol; ``word`` is the full label, ``short`` fits a cell."""

    css: str
    icon: str
    word: str | Promise
    short: str | Promise


OFFLINE = "Offline"
STATES: dict[str, State] = {
    ConnectorStatus.AVAILABLE: State("ok", "circle-check", _("Available"), _("Available")),
    ConnectorStatus.PREPARING: State("plug", "plug-connected", _("Plugged in"), _("Plugged in")),
    ConnectorStatus.CHARGING: State("chg", "bolt", _("Charging"), _("Charging")),
    ConnectorStatus.SUSPENDED_EV: State("wait", "car", _("Paused by car"), _("Car paused")),
    ConnectorStatus.SUSPENDED_EVSE: State(
        "wait", "player-pause", _("Paused by charger"), _("Charger paused")
    ),
    ConnectorStatus.FINISHING: State("wait", "flag-check", _("Finished, unplug"), _("Unplug")),
    ConnectorStatus.RESERVED: State("rsv", "calendar-time", _("Reserved"), _("Reserved")),
    ConnectorStatus.UNAVAILABLE: State("out", "ban", _("Out of service"), _("Out of service")),
    ConnectorStatus.FAULTED: State("bad", "alert-triangle", _("Fault"), _("Fault")),
    OFFLINE: State("off", "plug-connected-x", _("Offline"), _("Offline")),
}

# The brochure's counts: what each bundles.
COUNTS: tuple[tuple[str, str, str, str | Promise, frozenset[str]], ...] = (
    ("available", "ok", "circle-check", _("Available"), frozenset({ConnectorStatus.AVAILABLE})),
    (
        "connected",
        "plug",
        "plug-connected",
        _("Connected to a car"),
        frozenset(
            {
                ConnectorStatus.PREPARING,
                ConnectorStatus.SUSPENDED_EV,
                ConnectorStatus.SUSPENDED_EVSE,
                ConnectorStatus.FINISHING,
            }
        ),
    ),
    ("charging", "chg", "bolt", _("Charging"), frozenset({ConnectorStatus.CHARGING})),
    ("faulted", "bad", "alert-triangle", _("Fault"), frozenset({ConnectorStatus.FAULTED})),
    ("offline", "off", "plug-connected-x", _("Disconnected"), frozenset({OFFLINE})),
)


# ChargePointErrorCode (OCPP 1.6 §7.6) as the people who run chargers say it.
ERRORS: dict[str, str | Promise] = {
    "ConnectorLockFailure": _("The plug does not lock"),
    "EVCommunicationError": _("No talk with the car"),
    "GroundFailure": _("Current leaks to earth"),
    "HighTemperature": _("Too hot"),
    "InternalError": _("Fault inside the charger"),
    "LocalListConflict": _("Its card list is out of step"),
    "OverCurrentFailure": _("Current too high"),
    "OverVoltage": _("Mains voltage too high"),
    "PowerMeterFailure": _("The meter does not work"),
    "PowerSwitchFailure": _("The power switch does not work"),
    "ReaderFailure": _("The card reader does not work"),
    "ResetFailure": _("It could not restart"),
    "UnderVoltage": _("Mains voltage too low"),
    "WeakSignal": _("Weak mobile signal"),
}


def shown_status(status: str, *, online: bool, enabled: bool = True) -> str:
    """The status that counts: what a charger that is away last said does not, and a plug that is
    free at a charger closed for service is free for nobody."""
    if not online:
        return OFFLINE
    if not enabled and status == ConnectorStatus.AVAILABLE:
        return ConnectorStatus.UNAVAILABLE
    return status


def state_of(status: str, *, online: bool, enabled: bool = True) -> State:
    """A connector's state as shown."""
    return STATES[shown_status(status, online=online, enabled=enabled)]


# Why somebody was turned away (Knock.reason), as the owner reads it.
REFUSALS: dict[str, Promise] = {
    "wrong_password": _("a wrong password"),
    "wrong_name": _("a certificate of another name"),
    "other_charger": _("the certificate of another charger"),
    "revoked": _("a revoked certificate"),
    "expired": _("an expired certificate"),
    "unknown_certificate": _("a certificate that nobody here has signed"),
    "unreadable": _("a certificate that cannot be read"),
    "untrusted": _("a certificate that the proxy did not accept"),
    "needs_tls": _("a plain line, although it has come over TLS before"),
    "needs_certificate": _("no certificate, although it has shown one before"),
}


def refusal_word(reason: str) -> str:
    """What a charger that was turned away had shown."""
    return str(REFUSALS.get(reason, REFUSALS["wrong_password"]))
