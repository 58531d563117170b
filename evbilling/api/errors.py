"""Every refusal as ``{"code", "detail", "fields"}``, in the caller's language; refused writes audited.

400: the request cannot be read (JSON, header, query). 401, 403, 404, 405, 409 as HTTP has them.
422: understood, but a field or a rule says no.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions, serializers
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.response import Response

from core import audit
from core.errors import Conflict, DomainError, NotFound
from evbilling.api.permissions import action_of
from users.models import Admin
from users.services.editing import constraint_of

SAFE = ("GET", "HEAD", "OPTIONS")
RETRY_SECONDS = "5"
# Codes of fields that are no slip of the pen: somebody tried an amount that cannot be.
AUDITED_CODES = frozenset({"bad_amount", "bad_quantity", "foreign"})

SENTENCES: dict[type[APIException], tuple[str, str | Promise]] = {
    exceptions.NotAuthenticated: (
        "not_authenticated",
        _("Send your token: Authorization: Token …"),
    ),
    exceptions.MethodNotAllowed: (
        "method_not_allowed",
        _("This address does not take this method."),
    ),
    exceptions.UnsupportedMediaType: ("unsupported_media_type", _("Send JSON: application/json.")),
    exceptions.Throttled: ("too_many_requests", _("Too many requests. Wait a little.")),
}
TAKEN: Mapping[str, tuple[str, str | Promise]] = {
    "charger_id_once": ("charge_point_id", _("There is a charger with this id already.")),
    "card_once": ("id_tag", _("There is a card with this number already.")),
    "customer_phone_once": ("phone", _("Another customer has this telephone number.")),
    "admin_username_once": ("username", _("This name is taken.")),
    "tax_entity_once": ("tax_id", _("This tax id and branch are entered already.")),
    "tariff_version_once": ("level", _("Somebody else has just changed this price list.")),
    "template_name_once": ("name", _("There is a template with this name already.")),
    "tou_holiday_once": ("date", _("Somebody else has just changed this day.")),
    "session_one_per_connector": ("connector_id", _("A charge runs on this connector already.")),
}


class BadQuery(APIException):
    """A query parameter or header that cannot be understood."""

    status_code = 400
    default_code = "bad_query"

    def __init__(self, name: str, sentence: str | Promise, code: str = "bad_query") -> None:
        super().__init__({name: [str(sentence)]}, code)
        self.code = code


class Foreign(NotFound):
    """Somebody else's object: as if it did not exist, but the attempt is remembered."""


class MissingNow(NotFound):
    message = _("There is no such object, or it is not yours.")


@dataclass(frozen=True)
class Refusal:
    """What the caller is told."""

    status: int
    code: str
    detail: str
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        body = {"code": self.code, "detail": self.detail, "fields": dict(self.fields)}
        return Response(body, status=self.status, headers=dict(self.headers))


class ProblemSerializer(serializers.Serializer[Any]):
    """What every 4xx says."""

    code = serializers.CharField(help_text="For programs; never translated.")
    detail = serializers.CharField(help_text="For people, in the language asked for.")
    fields_ = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()),
        help_text="What is wrong with which field of the request.",
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        found = super().get_fields()
        return {name.rstrip("_"): row for name, row in found.items()}


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """REST framework's EXCEPTION_HANDLER. None: a fault of ours, answered with 500 and logged."""
    refusal = refusal_of(error)
    if refusal is None:
        return None
    if refusal.status != 503:
        _audit(error, refusal, context)
    return refusal.response()


def refusal_of(error: Exception) -> Refusal | None:
    """What to answer, or None for what no rule foresaw."""
    if isinstance(error, DomainError):
        detail = str(error) or str(MissingNow.message)
        return Refusal(error.status, error.code, detail, error.fields)
    if isinstance(error, ValidationError):
        return _invalid(error)
    if isinstance(error, Http404 | exceptions.NotFound):
        return Refusal(404, "not_found", str(MissingNow.message))
    if isinstance(error, APIException):
        return _of_framework(error)
    if isinstance(error, PermissionDenied):
        return Refusal(403, "not_allowed", str(_("This is not allowed.")))
    if isinstance(error, IntegrityError):
        return _taken(error)
    if isinstance(error, OperationalError | InterfaceError):
        text = str(_("The database is away. Try again in a moment."))
        return Refusal(503, "unavailable", text, headers={"Retry-After": RETRY_SECONDS})
    return None


def _invalid(error: ValidationError) -> Refusal:
    found = list(_flat(error.detail))
    fields: dict[str, list[str]] = {}
    for name, problem in found:
        fields.setdefault(name, []).append(str(problem))
    single = len(found) == 1
    detail = str(found[0][1]) if single else str(_("Several fields need another value."))
    code = (found[0][1].code if single else "") or "invalid"
    code = "does_not_exist" if code == "foreign" else code  # which of the two is nobody's business
    return Refusal(422, code, detail, {k: v for k, v in fields.items() if k})


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, ErrorDetail]]:
    """(field path, error) of a nested error tree."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(filter(None, (path, step))))
    elif isinstance(detail, list):
        for n, inner in enumerate(detail):
            deeper = f"{path}.{n}" if isinstance(inner, dict | list) and inner else path
            yield from _flat(inner, deeper)
    else:
        yield path, detail


def _of_framework(error: APIException) -> Refusal:
    headers: dict[str, str] = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(error, BadQuery):
        fields = {name: [str(e)] for name, e in _flat(error.detail)}
        return Refusal(400, error.code, next(iter(fields.values()))[0], fields)
    code, sentence = SENTENCES.get(type(error), ("", ""))
    if isinstance(error, exceptions.ParseError):
        code = "malformed"
    codes = error.get_codes()
    code = code or (codes if isinstance(codes, str) else "invalid")
    return Refusal(error.status_code, code, str(sentence or error.detail), {}, headers)


def _taken(error: IntegrityError) -> Refusal | None:
    """Two requests at once: the database let one through."""
    if (known := TAKEN.get(constraint_of(error))) is None:
        return None
    name, sentence = known
    return Refusal(Conflict.status, "taken", str(sentence), {name: [str(sentence)]})


def _audit(error: Exception, refusal: Refusal, context: Mapping[str, Any]) -> None:
    """Who tried what in vain: rights, other people's objects, writes that a rule refused."""
    view, request = context["view"], context["request"]
    admin = getattr(request, "user", None)
    if not isinstance(admin, Admin) or not _is_told(error, refusal, request.method):
        return
    action = action_of(view, request.method)
    audit.record(
        view.actor,
        str(action or request.method)[:60],
        request.path[:80],
        company_id=admin.company_id,
        refused=True,
        new={"code": refusal.code, "fields": sorted(refusal.fields)},
    )


def _is_told(error: Exception, refusal: Refusal, method: str) -> bool:
    if refusal.status == 403 or isinstance(error, Foreign):
        return True
    if isinstance(error, ValidationError):
        return any(e.code in AUDITED_CODES for _path, e in _flat(error.detail))
    return method not in SAFE and isinstance(error, DomainError) and refusal.status != 404
