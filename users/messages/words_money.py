"""Words about money that comes, goes back or is due. Payloads as in ``words_charge``."""

from datetime import date

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from users.messages.said import Payload, Row, Said, Tone, baht, clock, day
from users.messages.words_charge import how_it_comes_back

BUDDHIST_ERA = 543
MONTHS = {
    "th": [
        "ม.ค.",
        "ก.พ.",
        "มี.ค.",
        "เม.ย.",
        "พ.ค.",
        "มิ.ย.",
        "ก.ค.",
        "ส.ค.",
        "ก.ย.",
        "ต.ค.",
        "พ.ย.",
        "ธ.ค.",
    ],
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
}


def money_back(payload: Payload) -> Said:
    """Paid, and no charge came of it.

    ``{"amount", "reason", "how"}``: ``reason`` of ``billing.models.RefundReason``, ``how`` of
    ``RefundRoute``; and ``station, charger, link``.
    """
    return Said(
        sentence=f"{_why(payload['reason'])} "
        + _("%(amount)s baht come back to you.") % {"amount": payload["amount"]},
        title=_("Your money comes back"),
        tone=Tone.WAIT,
        place=_place(payload),
        figure=baht(payload["amount"]),
        rows=(Row(_("Why"), _why(payload["reason"])),),
        note=how_it_comes_back(payload["how"]),
        link=payload.get("link", ""),
        button=_("See the payment"),
    )


def payment_late(payload: Payload) -> Said:
    """Money came after the time was over. ``{"amount", "how"}`` and ``station, charger, link``."""
    return money_back({**payload, "reason": "late"})


def refund_done(payload: Payload) -> Said:
    """``{"amount", "how"}`` and ``number, station, link``: the money has gone back."""
    where = {
        "gateway": _("to the account that paid"),
        "wallet": _("into your wallet"),
        "link": _("to your PromptPay number"),
        "queue": _("by the station"),
    }.get(payload["how"], "")
    rows = [Row(_("Paid back"), where)] if where else []
    if payload.get("number"):
        rows.append(Row(_("Number"), str(payload["number"])))
    return Said(
        sentence=_("%(amount)s baht have been paid back %(where)s.")
        % {"amount": payload["amount"], "where": where},
        title=_("Paid back"),
        tone=Tone.DONE,
        place=_place(payload),
        figure=baht(payload["amount"]),
        rows=tuple(rows),
        link=payload.get("link", ""),
        button=_("See the payment"),
    )


def refund_link(payload: Payload) -> Said:
    """``{"amount", "until", "link"}`` and ``reminder`` (0: first time), ``station``."""
    until = f"{written(day(payload['until']))} {clock(payload['until'])}"
    reminder = int(payload.get("reminder", 0)) > 0
    return Said(
        sentence=_(
            "%(amount)s baht wait for you. Give the PromptPay number they go to, until %(until)s."
        )
        % {"amount": payload["amount"], "until": until},
        title=_("Your money still waits for you") if reminder else _("Where may we pay it back?"),
        tone=Tone.WAIT,
        place=_place(payload),
        figure=baht(payload["amount"]),
        rows=(Row(_("Answer until"), until, strong=True),),
        note=_("If you do not answer, the station pays it back by hand. It stays yours."),
        link=payload["link"],
        button=_("Give the number"),
    )


def statement_issued(payload: Payload) -> Said:
    """``{"number", "month" (2026-11), "amount", "due_on" (2026-12-15), "link"}``."""
    due = written(day(payload["due_on"]))
    return Said(
        sentence=_("Your bill for %(month)s: %(amount)s baht, to be paid until %(due)s.")
        % {"month": month(payload["month"]), "amount": payload["amount"], "due": due},
        title=_("Your bill for %(month)s") % {"month": month(payload["month"])},
        figure=baht(payload["amount"]),
        rows=_statement_rows(payload),
        link=payload["link"],
        button=_("Open the bill"),
    )


def statement_due(payload: Payload) -> Said:
    """As ``statement_issued``: a few days before it is due."""
    due = written(day(payload["due_on"]))
    return Said(
        sentence=_("Bill %(number)s, %(amount)s baht, is to be paid until %(due)s.")
        % {"number": payload["number"], "amount": payload["amount"], "due": due},
        title=_("Soon to be paid"),
        tone=Tone.WAIT,
        figure=baht(payload["amount"]),
        rows=_statement_rows(payload),
        note=_("If you have just paid, you need do nothing."),
        link=payload["link"],
        button=_("Pay the bill"),
    )


def statement_overdue(payload: Payload) -> Said:
    """As ``statement_issued``: the day is over and it is not paid."""
    due = written(day(payload["due_on"]))
    return Said(
        sentence=_("Bill %(number)s, %(amount)s baht, was due on %(due)s and is not paid.")
        % {"number": payload["number"], "amount": payload["amount"], "due": due},
        title=_("Not paid yet"),
        tone=Tone.BAD,
        figure=baht(payload["amount"]),
        rows=_statement_rows(payload),
        note=_("New charges can start again as soon as it is paid."),
        link=payload["link"],
        button=_("Pay the bill"),
    )


def document(payload: Payload) -> Said:
    """An e-mail with a document: ``{"subject", "text", "filename"}``, in the reader's language already."""
    return Said(
        sentence=payload["text"],
        title=payload["subject"],
        tone=Tone.DONE,
        rows=(Row(_("Document"), payload["filename"]),),
    )


def month(text: str) -> str:
    """2026-11 → พ.ย. 2569."""
    year, number = text.split("-")[:2]
    return f"{_months()[int(number) - 1]} {_year(int(year))}"


def written(on: date) -> str:
    """20 พ.ย. 2569."""
    return f"{on.day} {_months()[on.month - 1]} {_year(on.year)}"


def _months() -> list[str]:
    return MONTHS["th" if get_language() == "th" else "en"]


def _year(year: int) -> int:
    return year + BUDDHIST_ERA if get_language() == "th" else year


def _statement_rows(payload: Payload) -> tuple[Row, ...]:
    return (
        Row(_("Number"), str(payload["number"])),
        Row(_("To be paid until"), written(day(payload["due_on"])), strong=True),
    )


def _why(reason: str) -> str:
    return {
        "unused": _("Not all of it was used."),
        "not_started": _("The charger did not start."),
        "not_plugged": _("Nobody plugged in within the time."),
        "taken": _("Somebody else was first at this plug."),
        "late": _("The money came after the time was over."),
        "twice": _("It was paid twice."),
    }.get(reason, _("The station gives it back."))


def _place(payload: Payload) -> str:
    return " · ".join(filter(None, [payload.get("station", ""), payload.get("charger", "")]))
