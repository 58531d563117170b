"""Who the member is to us: name, language, number, phones, their data and their wishes about it."""

import secrets
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import DomainError
from evbilling.customer.guard import count
from evbilling.member import copying, notice, sending
from evbilling.member.frame import page
from evbilling.member.session import MemberRequest, for_member, token_of
from evbilling.member.signin import flow_of, remember_flow
from evbilling.middleware import LANGUAGE_COOKIE, client_address
from users.models import CodePurpose, DataRequest, DataRequestKind, NoticeAcceptance, OneTimeCode
from users.services import codes, members, phones
from users.services.codes import AGAIN_AFTER, TooSoon, Wish


class SameNumber(DomainError):
    code = "same_phone"
    message = _("This is your number already.")


OLD, NEW = CodePurpose.OLD_NUMBER, CodePurpose.NEW_NUMBER
COPIES_PER_MINUTE = 5


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@for_member
def profile(request: MemberRequest) -> HttpResponse:
    """Name and language; links to everything else."""
    if request.method != "POST":
        return _profile(request)
    language = request.POST.get("language", "")[:2]
    try:
        members.rename(request.member, request.POST.get("name", "")[:200], language)
    except DomainError as error:
        return _profile(request, error)
    response = _to(request, "me-profile", done="saved")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            LANGUAGE_COOKIE,
            language,
            max_age=31536000,
            samesite="Lax",
            secure=settings.HTTPS,
            httponly=True,
        )
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@for_member
def number(request: MemberRequest) -> HttpResponse:
    """A new number: first a code to the old one, then one to the new one; only then it changes."""
    flow = flow_of(request)
    if request.method != "POST":
        return _number(request, flow)
    flow = flow or secrets.token_urlsafe(32)
    try:
        done = _NUMBER_STEPS.get(request.POST.get("step", ""), _ask_old)(request, flow)
    except DomainError as error:
        response = _number(request, flow, error)
        remember_flow(response, flow)
        return response
    response = _to(request, "me-profile", done="number") if done else _to(request, "me-number")
    remember_flow(response, flow)
    return response


@require_safe
@gzip_page
@for_member
def devices(request: MemberRequest) -> HttpResponse:
    """Where the member is signed in."""
    here = codes.digest(token_of(request))
    rows = members.phones_of(request.member)
    return page(request, "devices", {"rows": rows, "here": here})


@require_POST
@for_member
def sign_out_one(request: MemberRequest, pk: int) -> HttpResponse:
    """One of the member's phones. Another's does not exist."""
    members.sign_out_phone(request.member, pk)
    return _to(request, "me-devices")


@require_POST
@for_member
def sign_out_all(request: MemberRequest) -> HttpResponse:
    """Every phone, this one too."""
    members.sign_out_everywhere(request.member)
    response = redirect("me-sign-in")
    response.status_code = 303
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@gzip_page
@for_member
def data(request: MemberRequest) -> HttpResponse:
    """The notice, a copy of the data, and the wish to be forgotten."""
    if request.method == "POST":
        _wish(request, request.POST.get("wish", ""))
        return _to(request, "me-data", done="noted")
    asked = DataRequest.objects.filter(
        customer=request.member, kind=DataRequestKind.ERASURE, done_at__isnull=True
    )
    seen = NoticeAcceptance.objects.filter(customer=request.member).order_by("-accepted_at")
    found = {
        "text": notice.text(request.company),
        "seen": seen.first(),
        "erasure": asked.first(),
        "news": request.member.marketing_since,
    }
    return page(request, "data", found)


@require_POST
@for_member
def copy(request: MemberRequest) -> HttpResponse:
    """Everything we keep about the member, as a file (PDPA s.30, s.31)."""
    count(f"copy:{request.member.pk}", COPIES_PER_MINUTE)
    members.ask_for(request.member, DataRequestKind.COPY, done=True)
    body = orjson.dumps(copying.everything(request.member), option=orjson.OPT_INDENT_2)
    response = HttpResponse(body, content_type="application/json")
    name = f"my-data-{request.company.slug}-{timezone.localdate():%Y-%m-%d}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _wish(request: MemberRequest, wish: str) -> None:
    member = request.member
    if wish == "erase":
        members.ask_for(member, DataRequestKind.ERASURE)
    elif wish == "keep":
        members.take_back(member, DataRequestKind.ERASURE)
    elif wish in ("news", "no_news"):
        members.allow_marketing(member, wish == "news")


def _profile(request: MemberRequest, error: DomainError | None = None) -> HttpResponse:
    member = request.member
    typed = request.POST.get("name", "")[:80] if error else member.name
    found = {
        "typed": typed,
        "phone": phones.national(member.phone) if member.phone else "",
        "languages": settings.LANGUAGES,
        "devices": len(members.phones_of(member)),
    }
    return page(request, "profile", found, error=error)


def _number(request: MemberRequest, flow: str, error: DomainError | None = None) -> HttpResponse:
    """The step at hand: ``ask``, ``old`` (its code), ``new`` (the number), ``code`` (the new one's)."""
    old, new = _row(request, flow, OLD), _row(request, flow, NEW)
    proven = _old_proven(request, flow) is not None
    row, step = old, "old"
    if proven:
        open_new = new is not None and codes.is_open(new, timezone.now())
        row, step = (new, "code") if open_new else (None, "new")
    elif old is None or old.ended_at is not None or old.used_at is not None:
        row, step = None, "ask"
    found: dict[str, Any] = {
        "step": step,
        "row": row,
        "current": phones.national(request.member.phone) if request.member.phone else "",
        "typed": request.POST.get("phone", "")[:40],
    }
    if row is not None:
        found |= _sent(row)
    return page(request, "number", found, key=f"number:{step}", error=error)


def _sent(row: OneTimeCode) -> dict[str, Any]:
    now = timezone.now()
    seconds = int((row.created_at + AGAIN_AFTER - now).total_seconds())
    return {
        "phone": phones.national(row.phone),
        "open": codes.is_open(row, now),
        "failed": codes.failed(row),
        "again_at": row.created_at + AGAIN_AFTER,
        "again_left": f"{seconds // 60}:{seconds % 60:02d}" if seconds > 0 else "",
        "demo_code": codes.digits(row) if settings.DEMO else "",
    }


def _row(request: MemberRequest, flow: str, purpose: CodePurpose) -> OneTimeCode | None:
    row = codes.newest(flow, purpose)
    return row if row is not None and row.customer_id == request.member.pk else None


def _old_proven(request: MemberRequest, flow: str) -> OneTimeCode | None:
    row = codes.proven(flow, OLD)
    same = row is not None and row.customer_id == request.member.pk
    return row if row and same and row.phone == request.member.phone else None


def _ask_old(request: MemberRequest, flow: str) -> bool:
    if request.member.phone:
        _ask(request, flow, OLD, request.member.phone)
    return False


def _say_old(request: MemberRequest, flow: str) -> bool:
    codes.say(flow, OLD, request.POST.get("code", "")[:20])
    return False


def _ask_new(request: MemberRequest, flow: str) -> bool:
    if _old_proven(request, flow) is None:
        raise codes.CodeOver(field="code")
    phone = phones.normalise(request.POST.get("phone", "")[:40])
    if phone == request.member.phone:
        raise SameNumber(field="phone")
    _ask(request, flow, NEW, phone)
    return False


def _say_new(request: MemberRequest, flow: str) -> bool:
    old = _old_proven(request, flow)
    if old is None:
        raise codes.CodeOver(field="code")
    row = codes.say(flow, NEW, request.POST.get("code", "")[:20])
    if row.customer_id != request.member.pk:
        raise codes.CodeOver(field="code")
    codes.spend(old)
    codes.spend(row)
    members.change_number(request.member, row.phone, keep=token_of(request))
    return True


_NUMBER_STEPS = {"ask": _ask_old, "old": _say_old, "new": _ask_new, "code": _say_new}


def _ask(request: MemberRequest, flow: str, purpose: CodePurpose, phone: str) -> None:
    wish = Wish(
        phone,
        flow,
        purpose,
        company=request.company,
        customer=request.member,
        address=client_address(request),
        language=(get_language() or "th")[:2],
    )
    try:
        row = codes.ask(wish)
    except TooSoon:
        row_before = _row(request, flow, purpose)
        if row_before is None or row_before.phone != phone:
            raise
        if not codes.is_open(row_before, timezone.now()):
            raise
        return
    sending.soon(row)


def _to(request: MemberRequest, name: str, done: str = "") -> HttpResponse:
    target = reverse(name, args=[request.company.slug])
    response = redirect(f"{target}?done={done}" if done else target)
    response.status_code = 303
    return response
