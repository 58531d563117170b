"""Topping up: how much, which way, and the payment until it is over."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from billing.models import Payment, PaymentPurpose, PaymentState
from billing.money import to_satang
from billing.payments.base import Method
from billing.services import payments, top_ups, wallets
from billing.services.gateways import Offered
from core.errors import DomainError
from evbilling import qr
from evbilling.customer import card_form
from evbilling.customer.guard import count
from evbilling.customer.paying import safe_uri
from evbilling.customer.ways import BANKS, FACES
from evbilling.member.frame import page
from evbilling.member.session import MemberRequest, for_member
from evbilling.templatetags.ui import baht

CHIPS = (100, 200, 500, 1000)  # baht
MOST_TYPED = 12
LOOK_EVERY_S = 3

PER_MINUTE = 10


class BadTopUp(DomainError):
    code = "bad_amount"
    message = _("Enter an amount in baht, like 150 or 150.50.")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to pay in the list."""

    value: str
    icon: str
    name: str
    banks: tuple[tuple[str, str], ...]
    chosen: bool


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@for_member
def top_up(request: MemberRequest) -> HttpResponse:
    """How much and which way; POST makes the payment and shows it."""
    if request.method != "POST":
        return _form(request)
    try:
        payment = _begin(request)
    except DomainError as error:
        return _form(request, error)
    response = redirect("me-pay", request.company.slug, payment.reference)
    response.status_code = 303
    return response


@require_safe
@for_member
def back(request: MemberRequest) -> HttpResponse:
    """Where a bank's own page sends the payer: to the newest payment."""
    newest = _payments(request).first()
    if newest is None:
        return redirect("me", request.company.slug)
    return redirect("me-pay", request.company.slug, newest.reference)


@require_safe
@gzip_page
@for_member
def pay(request: MemberRequest, reference: str) -> HttpResponse:
    """A payment of the member's: what to do now, until the money is there. Another's does not exist."""
    payment = _one(request, reference)
    found = _state(payment)
    response = page(
        request, "pay", found, key=f"pay:{payment.state}:{found['kind']}:{bool(payment.look_at)}"
    )
    if found["kind"] == "card":
        response["Content-Security-Policy"] = card_form.policy()
    return response


@require_POST
@sensitive_post_parameters()
@for_member
def card(request: MemberRequest, reference: str) -> HttpResponse:
    """The token that the gateway gave for a card; its number never comes here."""
    payment = _one(request, reference)
    response = redirect("me-pay", request.company.slug, payment.reference)
    response.status_code = 303
    if _wants_card(payment):
        payments.send(payment, card_token=card_form.token_of(request))
    return response


def _begin(request: MemberRequest) -> Payment:
    count(f"top-up:{request.member.pk}", PER_MINUTE)
    satang = _amount(request.POST.get("baht", ""))
    said = request.POST.get("pay", "")[:40]
    known = {way.method.value for way in top_ups.ways(request.member)}
    if said not in known:
        raise BadTopUp(_("Choose a way to pay."), field="pay", code="method_not_offered")
    payment = top_ups.begin(
        request.member,
        satang,
        Method(said),
        source=request.POST.get("bank", "")[:40] if said == Method.MOBILE_BANKING else "",
        back_to=reverse("me-paid", args=[request.company.slug]),
    )
    if payment.method != Method.CARD:  # a card is sent with its token
        payment = payments.send(payment)
    return payment


def _amount(text: str) -> int:
    """Satang, above zero; anything else gets its sentence."""
    text = "".join(text.split()).replace(",", "").removeprefix("฿")
    try:
        if len(text) > MOST_TYPED or not text.replace(".", "", 1).isdecimal():
            raise ValueError
        satang = to_satang(text)
    except ValueError:
        raise BadTopUp(field="amount") from None
    if satang <= 0:
        raise BadTopUp(_("Enter an amount above zero."), field="amount")
    return satang


def _form(request: MemberRequest, error: DomainError | None = None) -> HttpResponse:
    standing = wallets.standing(request.member)
    said = request.POST.get("pay", "")
    offered = top_ups.ways(request.member)
    usual = str(max(-(-standing.owed // 10_000) * 100, 300)) if standing.owed else "300"
    found = {
        "standing": standing,
        "chips": CHIPS,
        "typed": request.POST.get("baht", "")[:MOST_TYPED] or request.GET.get("baht", usual)[:9],
        "ways": [_way(each, said or offered[0].method.value) for each in offered],
        "bank": request.POST.get("bank", ""),
    }
    return page(request, "top_up", found, error=error)


def _way(each: Offered, chosen: str) -> Way:
    face = FACES[each.method.value]
    banks = tuple((name, BANKS.get(name, name)) for name in each.capability.sources)
    return Way(each.method.value, face.icon, str(face.name), banks, each.method.value == chosen)


def _payments(request: MemberRequest) -> Any:
    return Payment.objects.select_related("tax_entity", "account").filter(
        customer=request.member, purpose=PaymentPurpose.TOP_UP
    )


def _one(request: MemberRequest, reference: str) -> Payment:
    found: Payment | None = _payments(request).filter(reference=reference).first()
    if found is None:
        raise Http404
    return found


def _wants_card(payment: Payment) -> bool:
    unsent = payment.state == PaymentState.NEW and payment.look_at is None
    return payment.method == Method.CARD and unsent and not payment.expired(timezone.now())


def _state(payment: Payment) -> dict[str, Any]:
    """What the page of a payment shows. ``kind``: paid, failed, expired, card, qr, bank, asking."""
    uri = safe_uri(payment.authorize_uri)
    label = _("PromptPay QR for %(money)s") % {"money": baht(payment.amount)}
    kind = _kind(payment, uri)
    return {
        "payment": payment,
        "kind": kind,
        "uri": uri,
        "qr": qr.svg(payment.qr_payload, label) if payment.qr_payload else "",
        "qr_label": label,
        "form": card_form.form(payment) if kind == "card" else None,
        "payee": payment.tax_entity.name if payment.tax_entity else "",
        "left": _left(payment),
        "poll": kind in ("qr", "bank", "asking"),
        "standing": wallets.standing(payment.customer) if payment.customer else None,
        "demo_bank": settings.DEMO,
    }


def _kind(payment: Payment, uri: str) -> str:
    if payment.has_money:
        return "paid"
    if payment.state == PaymentState.FAILED:
        return "failed"
    if not payment.is_open or payment.expired(timezone.now()):
        return "expired"
    if _wants_card(payment):
        return "card"
    if payment.qr_payload or payment.qr_image:
        return "qr"
    return "bank" if uri else "asking"


def _left(payment: Payment) -> str:
    seconds = max(int((payment.expires_at - timezone.now()).total_seconds()), 0)
    return f"{seconds // 60}:{seconds % 60:02d}"
