"""``POST /webhooks/omise/`` and ``/webhooks/scb/``.

Nothing outside is asked in the request: a notice is kept and its payment's look made due, both
committed before the 200; the look itself is a task (``evbilling.tasks.look_at_payment``), and a
sweep where Redis cannot take that. 400: no notice; 401: not signed by any account, too old; 413:
too large. A gateway repeats what got no 200; what comes twice gets its 200 and nothing else.
"""

import logging
from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from billing.models import GatewayName
from billing.payments.base import BadNotice, NotANotice, Notice
from billing.selectors import gateways as selectors
from billing.services import gateways, payments
from evbilling.middleware import client_address

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024
LOOK = "evbilling.tasks.look_at_payment"


@csrf_exempt
@require_POST
def omise(request: HttpRequest) -> HttpResponse:
    """Signed by the secret of one of the accounts; unsigned only where an account has no secret."""
    return _take(request, GatewayName.OMISE)


@csrf_exempt
@require_POST
def scb(request: HttpRequest) -> HttpResponse:
    """Never signed: only what names a payment of ours is kept, and even that is only a hint."""
    response = _take(request, GatewayName.SCB)
    if response.status_code == 200:
        # The bank repeats a callback that is not confirmed in its own words.
        return JsonResponse({"resCode": "00", "resDesc": "success"})
    return response


def _take(request: HttpRequest, gateway: str) -> HttpResponse:
    body = _body(request)
    if body is None:
        return _refused(request, gateway, 413, "too large")
    try:
        notice = read(gateway, request, body, timezone.now())
    except NotANotice as error:
        return _refused(request, gateway, 400, str(error))
    except BadNotice as error:
        return _refused(request, gateway, 401, str(error))
    if selectors.is_known(gateway, notice):
        return JsonResponse({"ok": True})
    if not notice.trusted and not selectors.is_worth_keeping(gateway, notice):
        return JsonResponse({"ok": True})  # anybody may have written it: no row for a stranger
    payment = payments.take_notice(gateway, notice)
    if payment is not None:
        _look_soon(payment.pk)
    return JsonResponse({"ok": True})


def read(gateway: str, request: HttpRequest, body: bytes, now: datetime) -> Notice:
    """The notice, trusted where the secret of any account signed it. ``BadNotice`` otherwise."""
    refusal = BadNotice("no account at this gateway")
    unsigned: Notice | None = None
    for _account, client in gateways.clients(gateway):
        try:
            notice = client.read_notice(request.headers, body, now)
        except NotANotice:
            raise
        except BadNotice as error:
            refusal = error
            continue
        if notice.trusted:
            return notice
        unsigned = unsigned or notice
    if unsigned is None:
        raise refusal
    return unsigned


def _body(request: HttpRequest) -> bytes | None:
    """The raw body, or None where it is too large to be a notice."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MOST_BYTES:
        return None
    body = request.read(MOST_BYTES + 1)
    return body if len(body) <= MOST_BYTES else None


def _look_soon(payment_id: int) -> None:
    """Committed already: without Redis the sweep looks some seconds later."""
    from evbilling.celery import app  # costs every start of a process that takes no webhook

    try:
        app.send_task(LOOK, args=[payment_id], retry=False)
    except (OperationalError, OSError) as error:
        log.warning("look not enqueued", extra={"payment": payment_id, "why": type(error).__name__})


def _refused(request: HttpRequest, gateway: str, status: int, why: str) -> HttpResponse:
    log.warning(
        "webhook refused",
        extra={
            "gateway": gateway,
            "status": status,
            "why": why,
            "address": client_address(request),
        },
    )
    return JsonResponse({"ok": False}, status=status)
