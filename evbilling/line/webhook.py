"""``/webhooks/line/``: the signature is checked over the raw body, events are stored, the answer is 200."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from users.services import line_events

MOST_BYTES = 256 * 1024


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """401 without a good signature, 413 too long, 400 not events, 503 where LINE is not set up."""
    if not settings.LINE_CHANNEL_SECRET:
        return HttpResponse(status=503)
    if int(request.headers.get("Content-Length") or 0) > MOST_BYTES:
        return HttpResponse(status=413)
    body = request.body
    if len(body) > MOST_BYTES:
        return HttpResponse(status=413)
    try:
        line_events.check_signature(body, request.headers.get("X-Line-Signature", ""))
        line_events.take(body)
    except line_events.BadSignature:
        return HttpResponse(status=401)
    except line_events.BadEvents:
        return HttpResponse(status=400)
    return HttpResponse(status=200)
