"""A charge that is paid for first, as its phone sees it: the money awaited, there, or on its way back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from billing.models import (
    Payment,
    PaymentState,
    Purchase,
    Refund,
    RefundRoute,
    RefundState,
)
from billing.payments.base import Method
from billing.selectors import purchases
from evbilling import qr
from evbilling.customer import card_form, paid_words, ways, words
from evbilling.customer.words import Note
from evbilling.templatetags.ui import baht
from stations.models import Connector, ConnectorStatus, Session
from stations.selectors.visits import Place

if TYPE_CHECKING:
    from evbilling.customer.page import Look

HEARD_WITHIN = timedelta(seconds=10)  # a gateway that has not answered by then is away


@dataclass(frozen=True, slots=True)
class Back:
    """Money that is owed back: how much, where it is, and the link where the guest says where to."""

    refund: Refund
    note: Note
    link: str

    @property
    def done(self) -> bool:
        return self.refund.state == RefundState.DONE


@dataclass(frozen=True, slots=True)
class Bought:
    """What was paid for a charge, and what of it comes back. Satang."""

    purchase: Purchase
    payment: Payment
    backs: tuple[Back, ...]

    @property
    def amount(self) -> int:
        return self.purchase.amount

    @property
    def held(self) -> bool:
        """Set aside on a card: what is not used is never taken."""
        return self.payment.hold

    @property
    def way(self) -> str:
        face = ways.FACES.get(self.payment.method)
        return str(face.name) if face else str(self.payment.get_method_display())

    @property
    def returned(self) -> int:
        return sum(back.refund.amount for back in self.backs)


def charge_of(purchase: Purchase | None, connector: Connector) -> Session | None:
    """The charge that came of a purchase, read like a visit's."""
    leave = purchase.leave if purchase else None
    if leave is None or leave.session_id is None:
        return None
    found = (
        Session.objects.select_related("live", "card", "customer")
        .filter(pk=leave.session_id, refusal="")
        .first()
    )
    if found is not None:
        found.connector, found.charger = connector, connector.charger
        found.station = connector.charger.station
    return found


def taken_by_another(place: Place, visitor: str) -> bool:
    """Somebody else has paid for the plug and is about to start."""
    holder = purchases.on_plug(place.connector) if place.session is None else None
    return holder is not None and holder.visitor != visitor


def of_charge(purchase: Purchase | None) -> Bought | None:
    """For the live page and the receipt."""
    if purchase is None or purchase.payment is None:
        return None
    payment = purchase.payment
    rows = payment.refunds.order_by("pk")
    return Bought(purchase, payment, tuple(back(row, payment) for row in rows))


def back(refund: Refund, payment: Payment) -> Back:
    """Where the money of a refund is."""
    waits = refund.state == RefundState.WAITING and refund.route == RefundRoute.LINK
    link = reverse("refund", args=[refund.token]) if waits else ""
    return Back(refund, paid_words.where(refund, payment), link)


def key(look: "Look") -> str:
    """What makes the page begin anew while its stage is the same."""
    purchase = look.purchase
    if purchase is None or purchase.payment is None or look.session is not None:
        return ""
    return f"{purchase.pk}{purchase.payment.state}{bool(purchase.payment.authorize_uri)}"


def pay(look: "Look") -> dict[str, Any]:
    """The money is awaited."""
    payment = _payment(look)
    uri = safe_uri(payment.authorize_uri)
    picture = payment.qr_payload or payment.qr_image
    problem = _do_not_pay(look)
    by_hand = bool(picture) and payment.method == Method.PROMPTPAY
    kind = "qr" if by_hand else "bank" if uri else "asking"
    unheard = kind == "asking" and look.now - payment.created_at > HEARD_WITHIN
    return _common(look) | {
        "kind": kind,
        "unheard": unheard,
        "heard_by": payment.created_at + HEARD_WITHIN,
        "card": payment.method == Method.CARD,
        "qr": qr.svg(payment.qr_payload, _qr_label(look)) if payment.qr_payload else "",
        "qr_label": _qr_label(look),
        "uri": uri,
        "problem": problem,
        "go_now": uri if uri and problem is None and payment.method != Method.PROMPTPAY else "",
        "until": payment.expires_at,
        "left": words.left(payment.expires_at, look.now),
    }


def card(look: "Look") -> dict[str, Any]:
    """A card is asked for: the gateway's script takes it, never our server."""
    payment = _payment(look)
    return _common(look) | {
        "form": card_form.form(payment),
        "problem": _do_not_pay(look),
        "until": payment.expires_at,
        "left": words.left(payment.expires_at, look.now),
    }


def paid(look: "Look") -> dict[str, Any]:
    """The money is there: the plug, then the charger."""
    purchase = look.purchase
    until = purchase.start_by if purchase else None
    return _common(look) | {
        "plugged": look.connector.status != ConnectorStatus.AVAILABLE,
        "away": None if look.place.online else paid_words.away(look.place),
        "until": until,
        "left": words.left(until, look.now) if until else "",
    }


def unpaid(look: "Look") -> dict[str, Any]:
    """No money came: why, and the next tap."""
    payment = _payment(look)
    failed = payment.state == PaymentState.FAILED
    asks = [each for each in look.payable if each.value == payment.method]
    return _common(look) | {
        "failed": failed,
        "why": paid_words.failed(payment) if failed else paid_words.expired(payment),
        "again": asks[0] if asks and look.place.online else None,
    }


def returned(look: "Look") -> dict[str, Any]:
    """Money came and goes back."""
    purchase = look.purchase
    assert purchase is not None  # noqa: S101 - RETURNED is of a purchase
    found = _common(look)
    asks = any(back.link for back in found["bought"].backs)
    return found | {"why": paid_words.returned(purchase), "asks": asks}


def waiting_backs(look: "Look") -> list[Back]:
    """Of this phone's newest purchase here: what waits for a number."""
    bought = of_charge(look.purchase)
    return [each for each in bought.backs if each.link] if bought else []


def safe_uri(uri: str) -> str:
    """The bank's own page: never a script's address, and without encryption only in the demo."""
    parts = urlsplit(uri)
    plain = parts.scheme == "http" and parts.hostname == "127.0.0.1"
    return uri if parts.scheme == "https" or plain else ""


def _common(look: "Look") -> dict[str, Any]:
    purchase, payment = look.purchase, _payment(look)
    assert purchase is not None  # noqa: S101 - the payment is the purchase's
    return {
        "purchase": purchase,
        "payment": payment,
        "bought": of_charge(purchase),
        "payee": payment.tax_entity.name if payment.tax_entity else "",
        "chosen": words.chosen(purchase.wh, purchase.satang),
        "demo_bank": bool(settings.DEMO and settings.DEMO_BANK_URL),
    }


def _payment(look: "Look") -> Payment:
    payment = look.purchase.payment if look.purchase else None
    assert payment is not None  # noqa: S101 - these stages are of a payment
    return payment


def _qr_label(look: "Look") -> str:
    return _("PromptPay QR for %(money)s") % {"money": baht(_payment(look).amount)}


def _do_not_pay(look: "Look") -> Note | None:
    """Why nobody should pay now, though the money could be taken: the plug would not start."""
    place = look.place
    if not place.online or not place.enabled:
        return paid_words.not_now_away(place)
    if place.session is not None or look.phone.taken:
        return paid_words.not_now_taken()
    faulty = (ConnectorStatus.FAULTED, ConnectorStatus.UNAVAILABLE)
    return paid_words.not_now_away(place) if place.connector.status in faulty else None
