"""What a phone does to pay: the rows first, then the gateway is asked. Twice is once."""

from datetime import UTC, datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing.models import Payment, PaymentState, Purchase, PurchaseState
from billing.money import to_satang
from billing.payments.base import GatewayAway, Method
from billing.services import payments, purchases
from core.audit import Actor
from core.errors import Conflict, DomainError
from evbilling.customer import actions, card_form, choice, page, ways
from evbilling.customer.page import Look
from evbilling.customer.stage import Stage


class NotOffered(DomainError):
    """This way to pay is not to be had here, or not for this sum."""

    code = "not_offered"
    status = 422


def pay(look: Look, request: HttpRequest, typed: choice.Typed, actor: Actor) -> None:
    """The main button: a purchase and its payment, or with a member's card the wait for the tap."""
    said = request.POST.get("pay", "")[:16]
    if said == ways.MEMBER:
        if look.stage in (Stage.PAY, Stage.CARD):  # from the page behind this one
            call_off(look)
            look = page.look(request, look.connector, look.visitor)
        actions.wait_for_card(look, typed, actor)
        return
    if look.stage not in page.WITH_WAYS:
        return _already(look)
    before = look.purchase
    if look.stage in (Stage.PAY, Stage.CARD) and before and _same(before, typed, said):
        return  # the button was pressed twice, or on the page behind this one
    way = _way(look, said)
    chosen = way.bounds.read(typed)
    purchase = purchases.buy(
        look.connector,
        look.visitor,
        wh=chosen.wh,
        satang=chosen.satang,
        method=Method(way.value),
        source=_source(way, request.POST.get("source", "")),
        language=(get_language() or "th")[:2],
        quoted_at=_shown_at(request, look),
        back_to=_home(look),
    )
    _send(purchase)


def again(look: Look) -> None:
    """The same choice once more, at the price of now: a new QR in one tap."""
    before = look.purchase
    if look.stage is not Stage.UNPAID or before is None or before.payment is None:
        return _already(look)
    purchase = purchases.buy(
        look.connector,
        look.visitor,
        wh=before.wh,
        satang=before.satang,
        method=Method(before.payment.method),
        source=before.payment.source,
        language=(get_language() or "th")[:2],
        back_to=_home(look),
    )
    _send(purchase)


def take_token(look: Look, request: HttpRequest) -> None:
    """The card's token goes to the gateway, which holds the sum."""
    token = card_form.token_of(request)
    payment = look.purchase.payment if look.purchase else None
    if look.stage is not Stage.CARD or payment is None:
        return _already(look)
    _ask(payment, token)


def call_off(look: Look) -> None:
    """Not paid: nothing happened. Paid and not begun: all of it goes back. Later it is *stop*."""
    purchase = look.purchase
    if purchase is not None and purchase.state in (PurchaseState.PAYING, PurchaseState.PAID):
        purchases.cancel(purchase)


def _send(purchase: Purchase) -> None:
    payment = purchase.payment
    if payment is None or payment.state != PaymentState.NEW or payment.method == Method.CARD:
        return  # a card's token comes from the next page
    _ask(payment)


def _ask(payment: Payment, token: str = "") -> None:
    try:
        payments.send(payment, card_token=token)
    except GatewayAway:
        return  # the row is there: it is looked for again, and the page says so


def _already(look: Look) -> None:
    """Back to a page that has moved on: harmless where the phone has paid, else the reason."""
    if look.stage in (Stage.PAY, Stage.CARD, Stage.PAID, Stage.LIVE, Stage.RECEIPT):
        return
    raise Conflict(_("Nobody can start a charge here right now."), code="not_free")


def _way(look: Look, said: str) -> ways.Way:
    found = {way.value: way for way in look.payable}.get(said)
    if found is None or not found.pays:
        raise NotOffered(_("This way to pay is not available here now. Choose another one."))
    return found


def _source(way: ways.Way, said: str) -> str:
    if not way.sources:
        return ""
    known = [value for value, _name in way.sources]
    if said not in known:
        raise NotOffered(_("Choose your bank."), field="source")
    return said


def _same(before: Purchase, typed: choice.Typed, method: str) -> bool:
    """Whether the form asks for what is being paid already."""
    payment = before.payment
    if payment is None or payment.method != method:
        return False
    if typed.by == choice.FULL:
        return before.wh is None and before.satang is None
    if typed.by == choice.KWH:
        return typed.kwh.strip() == str((before.wh or 0) // 1000)
    try:
        return before.satang is not None and to_satang(typed.baht.strip()) == before.satang
    except ValueError:
        return False


def _shown_at(request: HttpRequest, look: Look) -> datetime | None:
    """When the phone was shown the price it pays: it counts for ten minutes, then the quote is over."""
    said = request.POST.get("quoted", "")
    if not (said.isascii() and said.isdecimal() and len(said) <= 11):
        return None
    at = datetime.fromtimestamp(int(said), UTC)
    return min(at, look.now)


def _home(look: Look) -> str:
    return reverse("customer", args=[look.connector.code])
