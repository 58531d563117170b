"""Words about a charge. Each function's docstring gives its payload.

In every payload: amounts are decimal strings in baht, energy is in Wh, times are ISO 8601 with a
zone, ``link`` is a path of ours, ``station`` is already in the reader's language.
"""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from users.messages.said import Payload, Row, Said, Tone, baht, clock, is_zero, kwh, minutes


def session_billed(payload: Payload) -> Said:
    """What a charge cost.

    ``{"energy", "amount", "station", "outstanding"}`` and, where known, ``charger, started_at,
    stopped_at, refund, refund_how, wallet_left, document, link, fault``.
    """
    parts = {**payload, "kwh": kwh(payload["energy"])}
    fault = bool(payload.get("fault"))
    text = (
        _("The charger at %(station)s stopped because of a fault: %(kwh)s kWh, %(amount)s baht.")
        if fault
        else _("Charging finished at %(station)s: %(kwh)s kWh, %(amount)s baht.")
    ) % parts
    owes = not is_zero(payload["outstanding"])
    if owes:
        text += " " + _("%(outstanding)s baht are still to be paid.") % parts
    if not is_zero(payload.get("refund")):
        text += " " + _("%(refund)s baht come back to you.") % parts
    return Said(
        sentence=text,
        title=_("Stopped by a fault") if fault else _("Charging finished"),
        tone=Tone.BAD if fault else Tone.DONE,
        place=_place(payload),
        figure=kwh(payload["energy"]),
        unit="kWh",
        rows=_billed_rows(payload),
        note=_billed_note(payload, fault=fault, owes=owes),
        link=payload.get("link", ""),
        button=_("Open the document") if payload.get("document") else _("Open the receipt"),
    )


def _billed_rows(payload: Payload) -> tuple[Row, ...]:
    rows = []
    start, end = payload.get("started_at"), payload.get("stopped_at")
    if start and end:
        count = minutes(start, end)
        length = ngettext("%(n)s minute", "%(n)s minutes", count) % {"n": count}
        rows.append(Row(_("Time"), f"{clock(start)}–{clock(end)} · {length}"))
    rows.append(Row(_("Net total"), baht(payload["amount"]), strong=True))
    if not is_zero(payload.get("refund")):
        rows.append(Row(_("Comes back"), baht(payload["refund"])))
    if not is_zero(payload["outstanding"]):
        rows.append(Row(_("Not paid yet"), baht(payload["outstanding"])))
    elif not is_zero(payload.get("wallet_left")):
        rows.append(Row(_("Left in the wallet"), baht(payload["wallet_left"])))
    if payload.get("document"):
        rows.append(Row(_("Document"), str(payload["document"])))
    return tuple(rows)


def _billed_note(payload: Payload, *, fault: bool, owes: bool) -> str:
    if owes:
        return _("Pay what is open first; then the next charge can start.")
    if fault:
        return _("You pay only for what came into the car.")
    if not is_zero(payload.get("refund")):
        return how_it_comes_back(payload.get("refund_how", ""))
    return _("Unplug and move the car, so that the next one can charge.")


def nearly_full(payload: Payload) -> Said:
    """``{"station", "energy"}``, ``soc`` (%) or ``percent`` (of what was chosen), ``charger, link``."""
    soc = payload.get("soc")
    if soc is not None:
        what = _("The battery is at %(n)s %%.") % {"n": soc}
        row = Row(_("Battery"), f"{soc} %", strong=True)
    else:
        what = _("%(n)s %% of what you chose is in the car.") % {"n": payload["percent"]}
        row = Row(_("Of what you chose"), f"{payload['percent']} %", strong=True)
    return Said(
        sentence=_("Nearly full at %(station)s: %(what)s")
        % {"station": payload["station"], "what": what},
        title=_("Nearly full"),
        tone=Tone.NEWS,
        place=_place(payload),
        rows=(row, Row(_("In the car so far"), f"{kwh(payload['energy'])} kWh")),
        note=_("It soon ends by itself. You can walk back to the car now."),
        link=payload.get("link", ""),
        button=_("See the charge"),
    )


def grace_ending(payload: Payload) -> Said:
    """A penalty begins at ``ends_at``: ``{"station", "ends_at", "per_minute", "minutes"}``, ``charger, link``."""
    at, each = clock(payload["ends_at"]), baht(payload["per_minute"])
    count = int(payload["minutes"])
    length = ngettext("%(n)s minute", "%(n)s minutes", count) % {"n": count}
    parts = {"station": payload["station"], "at": at, "each": each, "length": length}
    return Said(
        sentence=_(
            "Please move your car at %(station)s before %(at)s (in %(length)s). "
            "After that, staying costs %(each)s per minute."
        )
        % parts,
        title=_("Move the car before %(at)s") % parts,
        tone=Tone.WAIT,
        place=_place(payload),
        rows=(
            Row(_("Free of charge until"), f"{at} ({length})", strong=True),
            Row(_("After that"), _("%(each)s per minute") % parts),
        ),
        note=_("Unplug the car: once the plug is free, nothing more is added."),
        link=payload.get("link", ""),
        button=_("See the charge"),
    )


def charger_fault(payload: Payload) -> Said:
    """``{"station", "energy"}`` and ``charger, link``: a fault while the charge still runs on paper."""
    parts = {"station": payload["station"], "kwh": kwh(payload["energy"])}
    return Said(
        sentence=_(
            "The charger at %(station)s reports a fault and has stopped. %(kwh)s kWh are in the car."
        )
        % parts,
        title=_("The charger has a fault"),
        tone=Tone.BAD,
        place=_place(payload),
        rows=(Row(_("In the car so far"), f"{parts['kwh']} kWh", strong=True),),
        note=_("You pay only for what came into the car. Try another plug, or tell the station."),
        link=payload.get("link", ""),
        button=_("See the charge"),
    )


def how_it_comes_back(route: str) -> str:
    """The way money goes back (``billing.models.RefundRoute``), as a sentence."""
    return {
        "gateway": _("The money goes back to the account that paid. Banks take up to a few days."),
        "wallet": _("The money is in your wallet."),
        "card": _("Only the net total is taken from the card; the rest of the hold is released."),
        "link": _("Open the link and give the PromptPay number that the money goes to."),
        "queue": _("The station pays it back by hand."),
    }.get(route, "")


def _place(payload: Payload) -> str:
    return " · ".join(filter(None, [payload["station"], payload.get("charger", "")]))
