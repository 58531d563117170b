"""What is kept, how long and why: one table for the jobs that delete, the notice and the office.

``docs/privacy.md`` says the same in prose. ``task`` None: nothing deletes it, by law or by the
product's rule that history stays; a person's wish for erasure is a ``DataRequest``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

CODE_DAYS = 90
SIGN_IN_DAYS = 90
PHONE_DAYS = 90
VISIT_DAYS = 90
FACT_DAYS = 180
YEAR = 365


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of data. ``days``: a number, or the name of the setting that holds it."""

    key: str
    what: str | Promise
    why: str | Promise
    days: int | str
    task: str | None = None
    personal: bool = False

    @property
    def length(self) -> int:
        """Days."""
        return self.days if isinstance(self.days, int) else int(getattr(settings, self.days))

    @property
    def words(self) -> str:
        """5 years, or 90 days."""
        if self.length % YEAR == 0:
            years = self.length // YEAR
            return ngettext("%(n)s year", "%(n)s years", years) % {"n": years}
        return ngettext("%(n)s day", "%(n)s days", self.length) % {"n": self.length}


_OUGHT = _("Accounting Act s.14, Revenue Code s.87/3: at least five years")
TABLE: tuple[Kept, ...] = (
    Kept(
        "sessions",
        _("Charges: where, when, energy, price"),
        _OUGHT,
        5 * YEAR,
        personal=True,
    ),
    Kept(
        "money",
        _("Wallet, payments, bills, tax documents"),
        _OUGHT,
        5 * YEAR,
        personal=True,
    ),
    Kept(
        "member",
        _("Name, telephone number, cards, LINE link"),
        _("The contract: for as long as you are a member, then with the documents they stand on"),
        5 * YEAR,
        personal=True,
    ),
    Kept(
        "codes",
        _("One-time codes: number, time, address (never the code)"),
        _("Computer Crime Act s.26: at least 90 days; against abuse"),
        CODE_DAYS,
        "forget_members",
        personal=True,
    ),
    Kept(
        "phones",
        _("Signed-in phones, after they were signed out"),
        _("Computer Crime Act s.26: at least 90 days; against abuse"),
        PHONE_DAYS,
        "forget_members",
        personal=True,
    ),
    Kept(
        "visits",
        _("Which phone stood at which plug"),
        _("So that only your phone speaks for your charge"),
        VISIT_DAYS,
        "forget_members",
        personal=True,
    ),
    Kept(
        "sign_ins",
        _("Sign-ins of admins, also failed ones"),
        _("Computer Crime Act s.26: at least 90 days; against abuse"),
        SIGN_IN_DAYS,
        "drop_old_sign_ins",
    ),
    Kept(
        "audit",
        _("Who did what (audit)"),
        _("Proof of money and access; legitimate interest"),
        5 * YEAR,
    ),
    Kept(
        "facts",
        _("Timeline of chargers"),
        _("To find faults"),
        FACT_DAYS,
        "drop_old_facts",
    ),
    Kept(
        "frames",
        _("Frames between chargers and us (card numbers in them)"),
        _("To find faults and settle disputes"),
        "FRAME_LOG_DAYS",
        "drop_old_frames",
    ),
    Kept(
        "files",
        _("Files that chargers sent"),
        _("To find faults"),
        "UPLOAD_KEEP_DAYS",
        "remove_old_files",
    ),
    Kept(
        "security_events",
        _("Security events of chargers"),
        _("To find attacks"),
        "SECURITY_EVENT_DAYS",
        "drop_old_security_events",
    ),
)
_BY_KEY = {row.key: row for row in TABLE}


def days(key: str) -> int:
    """How many days rows of this kind are kept."""
    return _BY_KEY[key].length


def limit(key: str) -> datetime:
    """What is older may go."""
    return timezone.now() - timedelta(days=days(key))
