"""The QR of a payment as a picture: in the page from a gateway that draws its own, and to be saved.

Only the phone that pays sees it. An SVG is turned into a PNG: that is what phones keep and banks' apps read.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from billing.models import Payment
from evbilling import qr
from evbilling.customer import guard, stage, views
from evbilling.customer.page import look
from stations.models import Connector

PNG, SVG = "image/png", "image/svg+xml"
WIDTH = 900  # pixels of the saved picture


@require_safe
@views.at_plug
def shown(request: HttpRequest, connector: Connector, visitor: str) -> HttpResponse:
    """The gateway's own picture, as it came."""
    payment = _payment(request, connector, visitor)
    if not payment.qr_image:
        return _saved(payment)
    response = HttpResponse(bytes(payment.qr_image), content_type=_type(payment))
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


@require_safe
@views.at_plug
def saved(request: HttpRequest, connector: Connector, visitor: str) -> HttpResponse:
    """The picture to keep in the phone and to open in the bank's app."""
    payment = _payment(request, connector, visitor)
    response = _saved(payment)
    name = f"PromptPay-{payment.reference}.png"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _saved(payment: Payment) -> HttpResponse:
    if payment.qr_payload:
        return HttpResponse(qr.png(payment.qr_payload, WIDTH), content_type=PNG)
    if _type(payment) == PNG:
        return HttpResponse(bytes(payment.qr_image), content_type=PNG)
    return HttpResponse(as_png(bytes(payment.qr_image).decode()), content_type=PNG)


def as_png(svg: str) -> bytes:
    """An SVG drawn on white."""
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, width=WIDTH, background="white", skip_system_fonts=True
        )
    )


def _payment(request: HttpRequest, connector: Connector, visitor: str) -> Payment:
    guard.limit_reads(connector, visitor)
    seen = look(request, connector, visitor)
    payment = seen.purchase.payment if seen.purchase else None
    if seen.stage is not stage.Stage.PAY or payment is None:
        raise Http404
    if not payment.qr_payload and not payment.qr_image:
        raise Http404
    return payment


def _type(payment: Payment) -> str:
    """Only the two kinds that the gateways' clients let in."""
    return PNG if payment.qr_image_type == PNG else SVG
