"""What the messages say, in the language of whoever is told: the table of all kinds."""

from datetime import timedelta

from django.utils import translation
from django.utils.translation import gettext as _

from users.messages import words_charge, words_money
from users.messages.said import Kind, Said
from users.models import Message, OneTimeCode

SOON = timedelta(minutes=20)  # after that the news is old

KINDS: dict[str, Kind] = {
    "session_billed": Kind(words_charge.session_billed),
    "nearly_full": Kind(words_charge.nearly_full, lasts=SOON),
    "grace_ending": Kind(words_charge.grace_ending, important=True, lasts=timedelta(minutes=10)),
    "charger_fault": Kind(words_charge.charger_fault, important=True, lasts=SOON),
    "money_back": Kind(words_money.money_back, important=True),
    "payment_late": Kind(words_money.payment_late, important=True),
    "refund_done": Kind(words_money.refund_done),
    "refund_link": Kind(words_money.refund_link, important=True),
    "statement_issued": Kind(words_money.statement_issued, important=True),
    "statement_due": Kind(words_money.statement_due),
    "statement_overdue": Kind(words_money.statement_overdue, important=True),
    "document": Kind(words_money.document, important=True),
}


def check(kind: str) -> None:
    """A kind without words is a programming error, said before anything is written."""
    if kind not in KINDS:
        raise ValueError(f"no words for messages of kind {kind!r}")


def said(message: Message) -> Said:
    """All of it, in the message's language."""
    with translation.override(message.language):
        return KINDS[message.kind].words(message.payload)


def text_of(message: Message) -> str:
    """The sentence, in the message's language."""
    return said(message).sentence


def code_text(row: OneTimeCode, digits: str) -> str:
    """A one-time code, in one message of 70 characters. No link: operators stop those."""
    with translation.override(row.language):
        text = _("%(code)s is your code (ref %(reference)s). Valid 5 min. Tell it to nobody.")
        return text % {"code": digits, "reference": row.reference}
