"""Why a step failed, in words: what came, what was wanted, what to do."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

REASONS: dict[str, str | Promise] = {
    "nothing_came": _("No %(action)s came in time."),
    "no_status": _("No status came in time. Expected: %(expected)s."),
    "wrong_status": _("Expected the status %(expected)s, but the charger last said %(said)s."),
    "connectors_missing": _("No status came for connector %(missing)s."),
    "not_free": _(
        "The connector did not become free (it says %(status)s). Take the plug out of the car, "
        "then repeat the test."
    ),
    "not_plugged": _("No car was plugged in within the time, so the start was not sent."),
    "fields_missing": _("The message came without %(missing)s."),
    "refused_by_us": _("This server answered the %(action)s with %(answer)s."),
    "card_not_accepted": _(
        "This server answered the card with %(answer)s. Look at the card and its customer’s money."
    ),
    "started_unasked": _(
        "The charge began without asking about the card. Set LocalPreAuthorize to false and clear "
        "the charger’s card cache."
    ),
    "stopped_unasked": _(
        "The charge ended without asking about the card. OCPP 1.6 lets a charger do so for the card "
        "that started; use a second card of the same group to end it, or skip this step."
    ),
    "ended_early": _("The charge ended too early (%(why)s)."),
    "other_card": _("The charge began with another card: %(id_tag)s."),
    "other_connector": _("The charge began on connector %(number)s."),
    "other_reservation": _("The start names reservation %(said)s; ours is %(ours)s."),
    "measurands_missing": _("The meter values lack %(missing)s."),
    "limit_ignored": _("Accepted, but the charger does not keep to the %(limit)s: %(measured)s."),
    "freed_early": _("The reservation ended before its time (%(status)s)."),
    "order_rejected": _("The charger refused %(action)s: %(answer)s."),
    "order_error": _("The charger could not read %(action)s: %(answer)s."),
    "order_timeout": _("The charger gave no answer to %(action)s."),
    "order_offline": _("The charger was offline, so %(action)s was never sent."),
    "no_transaction": _("There is no charge to work with: an earlier step of this test failed."),
}


def reason(code: str, values: Mapping[str, Any]) -> str:
    """The sentence in the current language; '' where there is none."""
    return str(REASONS[code]) % values if code else ""
