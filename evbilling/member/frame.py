"""What every page of the member's area has in common."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from core.errors import DomainError
from evbilling.member.session import MemberRequest


def page(
    request: MemberRequest,
    name: str,
    found: dict[str, Any] | None = None,
    *,
    key: str = "",
    error: DomainError | None = None,
) -> HttpResponse:
    """``member/NAME.html``, with the member, the company and, where a rule said no, its sentence."""
    common = {
        "member": request.member,
        "company": request.company,
        "station": request.company,  # the name at the top of the page
        "home": reverse("me", args=[request.company.slug]),
        "now": timezone.now(),
        "key": key or name,
        "error": error,
        "done": request.GET.get("done", "")[:20],
    }
    status = error.status if error else 200
    return render(request, f"member/{name}.html", common | (found or {}), status=status)
