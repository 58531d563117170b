"""What every request passes: its id, security headers, the language, and rules that said no."""

import ipaddress
import uuid
from collections.abc import Callable
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header

from core.errors import DomainError
from evbilling.logs import request_id

LANGUAGE_COOKIE = "lang"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

Handler = Callable[[HttpRequest], HttpResponseBase]


def client_address(request: HttpRequest) -> str:
    """The caller's address; X-Forwarded-For counts only where a trusted proxy set it."""
    address = request.META.get("REMOTE_ADDR") or "0.0.0.0"  # noqa: S104 (a name for "unknown")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
    if forwarded and address in settings.TRUSTED_PROXIES:
        address = forwarded.split(",")[-1].strip()
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return "0.0.0.0"  # noqa: S104


class RequestId:
    """Gives each request an id that its log lines and its answer carry."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        token = request_id.set(uuid.uuid4().hex[:12])
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = request_id.get()
            return response
        finally:
            request_id.reset(token)


class SecurityHeaders:
    """No inline script, no foreign origin, no framing, no referrer to others."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("X-Frame-Options", "DENY")
        response.setdefault("Referrer-Policy", "same-origin")
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if settings.HTTPS:
            response.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response


class Language:
    """Thai first; ``?lang=`` or the cookie says otherwise.

    Nobody is asked at a charger or in the API: there the phone's or program's own languages decide.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.known = {code for code, _ in settings.LANGUAGES}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = request.GET.get("lang", "")
        wanted = chosen or request.COOKIES.get(LANGUAGE_COOKIE, "")
        if wanted not in self.known:
            wanted = self._spoken(request)
        code = wanted if wanted in self.known else settings.LANGUAGE_CODE
        with translation.override(code):
            request.LANGUAGE_CODE = code
            response = self.get_response(request)
        response.setdefault("Content-Language", code)
        if chosen in self.known:
            response.set_cookie(
                LANGUAGE_COOKIE,
                code,
                max_age=31536000,
                samesite="Lax",
                secure=settings.HTTPS,
                httponly=True,
            )
        return response

    def _spoken(self, request: HttpRequest) -> str:
        """Of those that we know; English for whoever speaks none of them."""
        program = request.path.startswith("/api/")
        if not program and not request.path.startswith(("/c/", "/d/", "/me/", "/refund/")):
            return ""
        given = parse_accept_lang_header(request.headers.get("Accept-Language", "").lower())
        if not given:
            return "en" if program else ""
        return next((c for code, _ in given if (c := code[:2]) in self.known), "en")


class DomainErrors:
    """Turns a rule that said no into its answer: a page, a partial, or JSON. Nothing else happens."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        if request.headers.get("Accept", "").startswith("application/json"):
            body = {"code": error.code, "detail": str(error), "fields": error.fields}
            return JsonResponse(body, status=error.status)
        partial = bool(request.headers.get("HX-Request"))
        response = render(
            request,
            "components/error_note.html" if partial else "error.html",
            {"error": error, "status": error.status},
            status=error.status,
        )
        response["X-Error"] = quote(error.code)
        return response
