"""Signing in and out. Between password and code nobody is signed in: the session only says who may try."""

import time
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from django import forms
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from core import audit
from core.errors import DomainError
from evbilling.backoffice.gate import signed_in
from evbilling.forms import Form
from evbilling.middleware import LANGUAGE_COOKIE, client_address
from users.models import Admin
from users.signin import LockedOut, WrongCode, WrongPassword, verify_code, verify_password

BACKEND = "users.signin.AdminBackend"
PENDING_KEY = "signing_in"
PENDING_SECONDS = 300


class SignInForm(Form):
    username = forms.CharField(
        label=_("Sign-in name"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}
        ),
        error_messages={"required": _("Enter your sign-in name.")},
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": _("Enter your password.")},
    )

    def clean_username(self) -> str:
        """In one case only: names are found in any, and failures must count for one name."""
        return str(self.cleaned_data["username"]).strip().lower()


class CodeForm(Form):
    code = forms.CharField(
        label=_("Code from your app"),
        max_length=12,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
        ),
        error_messages={"required": _("Enter the six digits that your app shows.")},
    )

    def clean_code(self) -> str:
        return "".join(c for c in self.cleaned_data["code"] if c.isdigit())


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Name and password."""
    target = safe_next(request)
    if signed_in(request):
        return redirect(target)
    form = SignInForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, "signin", form, target)
    try:
        admin = check_password(request, **form.cleaned_data)
    except DomainError as error:
        form.add_error(None, str(error))
        return _page(request, "signin", form, target, error.status)
    if admin.has_totp:
        request.session.flush()
        request.session[PENDING_KEY] = [admin.pk, int(time.time()) + PENDING_SECONDS, target]
        return redirect("signin-code")
    return _let_in(request, admin, target)


@never_cache
@sensitive_post_parameters("code")
def code(request: HttpRequest) -> HttpResponseBase:
    """The second step, for admins who have set one up."""
    admin, target = _pending(request)
    if admin is None:
        return redirect("signin")
    form = CodeForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, "code", form, target)
    try:
        check_code(request, admin, form.cleaned_data["code"])
    except DomainError as error:
        form.add_error("code" if isinstance(error, WrongCode) else None, str(error))
        return _page(request, "code", form, target, error.status)
    return _let_in(request, admin, target)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    if signed_in(request):
        audit.record(actor_of(request, request.user), "sign_out", company_id=_company(request.user))
    logout(request)
    return redirect("signin")


def check_password(request: HttpRequest, username: str, password: str) -> Admin:
    """``verify_password``, in words also at the very failure that locks."""
    try:
        return verify_password(request, username, password, client_address(request))
    except WrongPassword:
        if _just_locked(request):
            raise LockedOut from None
        raise


def check_code(request: HttpRequest, admin: Admin, digits: str) -> None:
    """``verify_code``; wrong codes count like wrong passwords, so that nobody can try them all."""
    credentials = {"username": admin.username.lower()}
    if not AxesProxyHandler.is_allowed(request, credentials):
        raise LockedOut
    try:
        verify_code(admin, digits)
    except WrongCode:
        who = actor_of(request, admin)
        audit.record(
            who,
            "sign_in",
            company_id=_company(admin),
            refused=True,
            new={"reason": "wrong_code"},
        )
        user_login_failed.send(__name__, credentials=credentials, request=request)
        if _just_locked(request):
            raise LockedOut from None
        raise


def actor_of(request: HttpRequest, admin: Any) -> audit.Actor:
    return audit.Actor("admin", str(admin.pk), str(admin), client_address(request))


def safe_next(request: HttpRequest) -> str:
    """Where to go after signing in: a page of ours, never another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if ours else reverse(settings.LOGIN_REDIRECT_URL)


def _company(admin: Any) -> int | None:
    return getattr(admin, "company_id", None)


def _just_locked(request: HttpRequest) -> bool:
    """Whether this failure was the last one allowed. We say so ourselves, in words, so the
    middleware of django-axes must not answer in our place."""
    locked = bool(getattr(request, "axes_locked_out", False))
    request.axes_locked_out = False  # type: ignore[attr-defined]
    return locked


def _pending(request: HttpRequest) -> tuple[Admin | None, str]:
    pk, until, target = request.session.get(PENDING_KEY) or (0, 0, "")
    if time.time() > until:
        request.session.pop(PENDING_KEY, None)
        return None, ""
    admin = Admin.objects.filter(pk=pk, enabled=True, totp_confirmed_at__isnull=False).first()
    return admin, target


def _let_in(request: HttpRequest, admin: Admin, target: str) -> HttpResponse:
    """The session gets a new key, and the page the admin's language where nobody chose another."""
    request.session.pop(PENDING_KEY, None)
    login(request, admin, backend=BACKEND)
    audit.record(actor_of(request, admin), "sign_in", company_id=admin.company_id)
    response = redirect(target)
    if LANGUAGE_COOKIE not in request.COOKIES:
        remember_language(response, admin.language)
    return response


def remember_language(response: HttpResponseBase, language: str) -> None:
    response.set_cookie(
        LANGUAGE_COOKIE,
        language,
        max_age=31536000,
        samesite="Lax",
        secure=settings.HTTPS,
        httponly=True,
    )


def _page(
    request: HttpRequest, name: str, form: Form, target: str, status: int = 0
) -> HttpResponse:
    status = status or (422 if form.errors else 200)
    context = {"form": form, "next": target}
    return render(request, f"backoffice/{name}.html", context, status=status)
