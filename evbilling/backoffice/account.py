"""An admin's own account: name, language, password, one-time codes; platform staff: which company."""

from typing import Any

import pyotp
from django import forms
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from core import audit
from core.errors import DomainError
from evbilling import qr
from evbilling.backoffice.gate import COMPANY_KEY, AdminRequest, actor, needs
from evbilling.backoffice.signin import check_password, remember_language
from evbilling.forms import Form
from users.access import Action
from users.models import Admin, Company
from users.signin import WrongCode, verify_code

SECRET_KEY = "new_totp_secret"  # noqa: S105 (the name of a place in the session)
ISSUER = "evbilling"
DONE = {
    "saved": _("Saved."),
    "password": _("The new password counts from now on. Other devices have been signed out."),
    "code-on": _("From now on you sign in with password and code."),
    "code-off": _("From now on you sign in with the password alone."),
}


class ProfileForm(Form):
    name = forms.CharField(label=_("Your name"), max_length=120)
    language = forms.ChoiceField(label=_("Language"), choices=[("th", "ไทย"), ("en", "English")])


def _password(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=200,
        strip=False,
        help_text=help_text,
        widget=forms.PasswordInput(attrs={"autocomplete": autocomplete}),
        error_messages={"required": _("Fill this in.")},
    )


class PasswordForm(Form):
    current = _password(_("Password now"), "current-password")
    new = _password(_("New password"), "new-password", _("At least 10 characters, not your name."))
    again = _password(_("New password again"), "new-password")

    def __init__(self, admin: Admin, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.admin = admin

    def clean_new(self) -> str:
        new = str(self.cleaned_data["new"])
        validate_password(new, self.admin)
        return new

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if "new" in values and "again" in values and values["new"] != values["again"]:
            raise ValidationError({"again": _("The two do not match.")})
        return values


class SetUpForm(Form):
    code = forms.CharField(
        label=_("Code that the app shows now"),
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
        error_messages={"required": _("Enter the six digits that your app shows.")},
    )

    def clean_code(self) -> str:
        return "".join(c for c in self.cleaned_data["code"] if c.isdigit())


class RemoveForm(Form):
    password = _password(_("Password"), "current-password")


@needs(Action.OWN_ACCOUNT)
def page(request: AdminRequest) -> HttpResponse:
    admin = request.admin
    initial = {"name": admin.name, "language": admin.language}
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method != "POST" or not form.is_valid():
        return _page(request, profile=form)
    new = form.cleaned_data
    changed = {k: v for k, v in new.items() if v != initial[k]}
    admin.name, admin.language = new["name"], new["language"]
    admin.save(update_fields=["name", "language", "sort_key"])
    if changed:
        old = {k: initial[k] for k in changed}
        _record(request, "edit_own_account", old=old, new=changed)
    response = _done("saved")
    remember_language(response, admin.language)
    return response


@sensitive_post_parameters("current", "new", "again")
@needs(Action.OWN_ACCOUNT)
def change_password(request: AdminRequest) -> HttpResponseBase:
    if request.method != "POST":
        return redirect("account")
    admin = request.admin
    form = PasswordForm(admin, request.POST)
    if not form.is_valid() or not _is_theirs(request, form, "current"):
        return _page(request, password=form)
    admin.set_password(form.cleaned_data["new"])
    admin.save(update_fields=["password"])
    update_session_auth_hash(request, admin)
    _record(request, "change_own_password")
    return _done("password")


@needs(Action.OWN_ACCOUNT)
def set_up_code(request: AdminRequest) -> HttpResponseBase:
    """Show a secret, and keep it for good only once the app has shown that it knows it."""
    admin = request.admin
    if admin.has_totp:
        return redirect("account")
    secret = request.session.setdefault(SECRET_KEY, pyotp.random_base32())
    form = SetUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        admin.totp_secret = secret
        admin.save(update_fields=["totp_secret"])
        try:
            verify_code(admin, form.cleaned_data["code"])
        except WrongCode as error:
            form.add_error("code", str(error))
        else:
            admin.totp_confirmed_at = timezone.now()
            admin.save(update_fields=["totp_confirmed_at"])
            del request.session[SECRET_KEY]
            _record(request, "set_up_code")
            return _done("code-on")
    uri = pyotp.TOTP(secret).provisioning_uri(name=admin.username, issuer_name=ISSUER)
    context = {
        "form": form,
        "secret": secret,
        "groups": [secret[n : n + 4] for n in range(0, len(secret), 4)],
        "picture": qr.svg(uri, str(_("QR code for your authenticator app"))),
    }
    status = 422 if form.errors else 200
    return render(request, "backoffice/account_code.html", context, status=status)


@sensitive_post_parameters("password")
@needs(Action.OWN_ACCOUNT)
def remove_code(request: AdminRequest) -> HttpResponseBase:
    if request.method != "POST":
        return redirect("account")
    admin = request.admin
    form = RemoveForm(request.POST)
    if not form.is_valid() or not _is_theirs(request, form, "password"):
        return _page(request, remove=form)
    admin.totp_secret, admin.totp_confirmed_at = "", None
    admin.save(update_fields=["totp_secret", "totp_confirmed_at"])
    _record(request, "remove_code")
    return _done("code-off")


@require_POST
@needs(Action.SWITCH_COMPANY)
def switch_company(request: AdminRequest, slug: str) -> HttpResponseBase:
    company = get_object_or_404(Company, slug=slug)
    request.session[COMPANY_KEY] = company.pk
    audit.record(actor(request), "switch_company", f"company:{company.pk}", company_id=company.pk)
    return redirect("overview")


def _is_theirs(request: HttpRequest, form: Form, field: str) -> bool:
    """Ask for the password again; guesses count as they do at the door."""
    admin: Any = request.user
    try:
        check_password(request, admin.username.lower(), form.cleaned_data[field])
    except DomainError as error:
        wrong = _("This is not your password.")
        form.add_error(field, str(wrong if error.code == "wrong_password" else error))
        return False
    return True


def _page(
    request: AdminRequest,
    profile: Form | None = None,
    password: Form | None = None,
    remove: Form | None = None,
) -> HttpResponse:
    admin = request.admin
    done = DONE.get(request.GET.get("done", "")) if request.method == "GET" else None
    context = {
        "profile": profile or ProfileForm(initial={"name": admin.name, "language": admin.language}),
        "password": password or PasswordForm(admin),
        "remove": remove or RemoveForm(),
        "done": done,
    }
    status = 422 if any(f and f.errors for f in (profile, password, remove)) else 200
    return render(request, "backoffice/account.html", context, status=status)


def _done(what: str) -> HttpResponse:
    response = redirect("account")
    response["Location"] += f"?done={what}"
    return response


def _record(request: AdminRequest, action: str, **values: Any) -> None:
    admin = request.admin
    audit.record(actor(request), action, f"admin:{admin.pk}", company_id=admin.company_id, **values)
