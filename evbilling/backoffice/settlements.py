"""What gateways have paid out: a CSV is read, shown line by line, and only then booked."""

import hashlib
import zlib
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Count, Q, Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from billing.models import GatewayName, SettlementRow
from billing.services import settlements as service
from billing.services.settlements import BadFile, Line
from core.errors import Conflict, DomainError
from evbilling.backoffice.gate import AdminRequest, actor, needs, rows, whole_company
from evbilling.states import State
from users.access import Action

MOST_BYTES = 4 * 1024 * 1024
KEPT_S = 30 * 60  # between preview and booking; lost, the file is only chosen again
MOST_SHOWN = 500
MOST_DAYS, MOST_DIFFERENCES = 60, 100


class TooBig(DomainError):
    code = "file_too_big"
    message = gettext_lazy("The file is larger than 4 MB. Export fewer days at once.")


class PreviewGone(Conflict):
    code = "preview_gone"
    message = gettext_lazy("The preview is too old. Choose the file again; nothing was booked.")


@dataclass(frozen=True, slots=True)
class Shown:
    line: Line
    state: State


@require_safe
@needs(Action.IMPORT_SETTLEMENT)
def index(request: AdminRequest) -> HttpResponse:
    whole_company(request)
    return _page(request)


@require_POST
@needs(Action.IMPORT_SETTLEMENT)
def preview(request: AdminRequest) -> HttpResponse:
    """What the file would do. Nothing is written."""
    whole_company(request)
    gateway = request.POST.get("gateway", "")
    try:
        content = _content(request, gateway)
        found = service.preview(request.company, gateway, content)
    except DomainError as error:
        return _page(request, error=str(error), status=422)
    key = hashlib.sha256(content).hexdigest()
    cache.set(_key(request, gateway, key), zlib.compress(content), KEPT_S)
    context = {
        "preview": found,
        "lines": [Shown(x, state_of(x)) for x in found.lines[:MOST_SHOWN]],
        "more": max(len(found.lines) - MOST_SHOWN, 0),
        "gateway": GatewayName(gateway),
        "key": key,
        "known": sum(x.known for x in found.lines),
    }
    return render(request, "backoffice/settlement_preview.html", context)


@require_POST
@needs(Action.IMPORT_SETTLEMENT)
def book(request: AdminRequest) -> HttpResponse:
    """Book what was shown. A file booked twice changes nothing the second time."""
    whole_company(request)
    gateway, key = request.POST.get("gateway", ""), request.POST.get("key", "")
    kept = cache.get(_key(request, gateway, key)) if gateway in service.gateways_known() else None
    if kept is None:
        raise PreviewGone
    service.run(request.company, gateway, zlib.decompress(kept), actor=actor(request))
    return redirect("settlements")


def state_of(line: Line) -> State:
    """What would become of a line, in a word."""
    if line.problem:
        return State("bad", "x", line.problem, line.problem)
    if line.known:
        word = _("Booked before")
        return State("out", "minus", word, word)
    if line.difference:
        word = difference_word(line.difference)
        return State("wait", "alert-triangle", word, word)
    word = _("Fits")
    return State("ok", "check", word, word)


def difference_word(kind: str) -> str:
    return {
        "unknown": _("No such payment here: kept, not booked"),
        "amount": _("Another amount than the payment’s"),
        "refund": _("More taken back than was refunded"),
        "fee": _("Another fee: the one in the file counts"),
    }.get(kind, kind)


def _content(request: AdminRequest, gateway: str) -> bytes:
    if gateway not in service.gateways_known():
        raise BadFile(_("Choose the gateway."), field="gateway")
    sent = request.FILES.get("file")
    if sent is None or isinstance(sent, list) or not sent.size:
        raise BadFile(_("Choose a file."), field="file")
    if sent.size > MOST_BYTES:
        raise TooBig(field="file")
    return bytes(sent.read())


def _key(request: AdminRequest, gateway: str, key: str) -> str:
    """Only for who has seen it, in the company they saw it for."""
    plain = key if len(key) == 64 and key.isalnum() and key.isascii() else "-"
    return f"settlement:{request.company.pk}:{request.admin.pk}:{gateway}:{plain}"


def _page(request: AdminRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    mine = rows(request, SettlementRow.objects.all())
    days = (
        mine.order_by()
        .values("paid_on", "gateway")
        .annotate(
            n=Count("pk"),
            net=Sum("net", filter=Q(transfer__isnull=False), default=0),
            fees=Sum("fee", default=0) + Sum("fee_vat", default=0),
            odd=Count("pk", filter=~Q(difference="")),
        )
        .order_by("-paid_on", "gateway")
    )
    odd = mine.exclude(difference="").select_related("payment")[:MOST_DIFFERENCES]
    context = {
        "days": [(day, GatewayName(day["gateway"]).label) for day in days[:MOST_DAYS]],
        "differences": [(row, difference_word(row.difference)) for row in odd],
        "gateways": [(name, GatewayName(name).label) for name in service.gateways_known()],
        "error": error,
    }
    return render(request, "backoffice/settlements.html", context, status=status)
