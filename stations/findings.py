"""What may be noticed of a charger: a closed list, each with what it means and what to do.

Noticing costs nothing while a charger keeps to the standard; see ``services.findings`` for how
findings are kept, and the charger's Doctor page for how they are shown.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Grade(StrEnum):
    """How much it matters: nothing to do, worth a look, money or service is at stake."""

    NOTE = "note"
    LOOK = "look"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Explained:
    """A finding in words. ``applied`` is what the product does about it by itself."""

    grade: Grade
    title: Promise
    applied: Promise
    do: Promise


NOTHING = _("Nothing.")
CASE_TELLS = _("Look at the case of that charge.")

FINDINGS: dict[str, Explained] = {
    # --- what it says of itself -------------------------------------------------------------------
    "long_serial": Explained(
        Grade.NOTE,
        _("Its serial number is longer than the standard allows."),
        _("Accepted and kept."),
        NOTHING,
    ),
    "no_vendor": Explained(
        Grade.NOTE,
        _("It does not say who made it."),
        _("Accepted."),
        _("If it behaves oddly, choose its model by hand on this page."),
    ),
    "unknown_error_code": Explained(
        Grade.NOTE,
        _("It reports faults with a word that the standard does not have."),
        _("Shown as another fault, with the charger's own word."),
        NOTHING,
    ),
    # --- the connection ---------------------------------------------------------------------------
    "no_subprotocol": Explained(
        Grade.NOTE,
        _("It connects without naming its protocol."),
        _("OCPP 1.6 is assumed."),
        NOTHING,
    ),
    "no_connection_header": Explained(
        Grade.NOTE,
        _("Its handshake lacks the Connection header."),
        _("The handshake is completed for it."),
        NOTHING,
    ),
    "bad_json": Explained(
        Grade.LOOK,
        _("It sends malformed messages."),
        _("Mended where it can be done without guessing, else answered with an error."),
        _("Ask the maker for newer firmware."),
    ),
    "no_boot": Explained(
        Grade.NOTE,
        _("It does not introduce itself after a reconnect."),
        _("It is asked for its boot message and the state of its plugs."),
        NOTHING,
    ),
    "no_trigger": Explained(
        Grade.NOTE,
        _("It cannot be asked for a message."),
        _("It is not asked any more; limits go by its last power."),
        NOTHING,
    ),
    # --- clock ------------------------------------------------------------------------------------
    "clock_no_zone": Explained(
        Grade.NOTE,
        _("Its times name no time zone."),
        _("They are taken as UTC where they agree with ours."),
        NOTHING,
    ),
    "clock_local": Explained(
        Grade.LOOK,
        _("It sends local time as if it were UTC: seven hours ahead."),
        _("Our own time is used, also for On-Peak and Off-Peak."),
        _("Restart it so that it takes our time, or set its clock to local on this page."),
    ),
    "clock_1970": Explained(
        Grade.LOOK,
        _("Its clock was not set yet."),
        _("Our own time is used until it is."),
        _("If this goes on, restart it so that it takes our time."),
    ),
    "clock_off": Explained(
        Grade.LOOK,
        _("Its clock is wrong."),
        _("Our own time is used, also for On-Peak and Off-Peak."),
        _("Restart it so that it takes our time."),
    ),
    # --- transactions -----------------------------------------------------------------------------
    "transaction_zero": Explained(
        Grade.NOTE,
        _("It sends transaction number 0."),
        _("The charge is found by its plug."),
        NOTHING,
    ),
    "transaction_minus_one": Explained(
        Grade.NOTE,
        _("It sends transaction number -1 after a start made offline."),
        _("The charge is found by its plug, card and time."),
        NOTHING,
    ),
    "tag_control_bytes": Explained(
        Grade.NOTE,
        _("It adds control characters to card numbers."),
        _("They are taken away."),
        NOTHING,
    ),
    "start_ignored": Explained(
        Grade.LOOK,
        _("It accepted a start, and then no charge began."),
        _("The leave to start has lapsed and the money was set free."),
        _("Usually nobody plugged in. If somebody did, look at AuthorizeRemoteTxRequests."),
    ),
    # --- limits -----------------------------------------------------------------------------------
    "profile_stack_level": Explained(
        Grade.NOTE,
        _("It refuses charging profiles above level 0."),
        _("Limits go out at level 0."),
        NOTHING,
    ),
    "profile_purpose": Explained(
        Grade.NOTE,
        _("It refuses this purpose of charging profile."),
        _("Limits go out with another purpose."),
        NOTHING,
    ),
    "profile_unit": Explained(
        Grade.NOTE,
        _("It takes limits in one unit only."),
        _("Limits go out in that unit."),
        NOTHING,
    ),
    "profile_kind": Explained(
        Grade.NOTE,
        _("It refuses this kind of charging profile."),
        _("Limits go out as another kind."),
        NOTHING,
    ),
    "zero_limit_refused": Explained(
        Grade.LOOK,
        _("It refuses a limit of zero."),
        _("The charge is stopped instead."),
        NOTHING,
    ),
    "limit_refused": Explained(
        Grade.FAULT,
        _("It refuses every limit."),
        _("No limit is in force at this charger."),
        _("Set the most it may draw at the charger itself, below what its breaker carries."),
    ),
    # --- meter ------------------------------------------------------------------------------------
    "unknown_measurand": Explained(
        Grade.NOTE,
        _("Its readings name quantities or units in a way that the standard does not."),
        _("Read where the meaning is clear, else kept as they came."),
        NOTHING,
    ),
    "fractional_wh": Explained(
        Grade.NOTE,
        _("Its registers have fractions of a Wh at start or end."),
        _("Rounded."),
        NOTHING,
    ),
    "kwh_labelled_wh": Explained(
        Grade.FAULT,
        _("Its readings look like kWh labelled Wh."),
        _("Only what the register shows is billed."),
        _("Compare with its display; if so, set the unit of its readings on this page."),
    ),
    "register_reset": Explained(
        Grade.LOOK,
        _("Its meter register began anew during a charge."),
        _("What it counted before and after is added up; the fall is not."),
        _("If it does this after each reboot, set how its register counts on this page."),
    ),
    "impossible_rise": Explained(
        Grade.FAULT,
        _("Its meter claims more energy than the plug can give."),
        _("The jump is not billed."),
        _("Check the plug's kind and power in its settings; then look at the case."),
    ),
    "contradicted_reading": Explained(
        Grade.LOOK,
        _("A reading is contradicted by those around it."),
        _("It is left out."),
        NOTHING,
    ),
    "stop_zero": Explained(
        Grade.LOOK, _("It ends a charge with a register of 0."), _("Its readings count."), NOTHING
    ),
    "stop_below_readings": Explained(
        Grade.LOOK,
        _("It ends a charge with less than it had read before."),
        _("Its readings count."),
        CASE_TELLS,
    ),
    "negative_register": Explained(
        Grade.FAULT,
        _("Its meter sends negative energy."),
        _("Such a value is never counted."),
        _("The meter needs the maker."),
    ),
}
