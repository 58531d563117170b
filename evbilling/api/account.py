"""``me/`` and ``tokens/``: what everybody may see and change of themselves."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core import audit
from core.errors import DomainError
from evbilling.api.base import Endpoint, Listing
from evbilling.api.fields import Moment
from users import selectors, tokens
from users.access import RIGHTS, Action
from users.models import Admin, ApiToken, Level
from users.services import admins


class WrongPassword(DomainError):
    code = "wrong_password"
    message = _("This is not your present password.")


class MeSerializer(serializers.Serializer[Admin]):
    """The caller. ``actions`` are the rights of the level; a new password needs the present one."""

    id = serializers.IntegerField(read_only=True)
    username = serializers.CharField(read_only=True)
    name = serializers.CharField(max_length=120, required=False)
    level = serializers.ChoiceField(choices=Level.choices, read_only=True)
    company = serializers.IntegerField(source="company_id", read_only=True, allow_null=True)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, required=False)
    actions = serializers.SerializerMethodField()
    all_stations = serializers.BooleanField(read_only=True)
    stations = serializers.SerializerMethodField()
    last_login_at = Moment(source="last_login", read_only=True, allow_null=True)
    password = serializers.CharField(write_only=True, required=False, trim_whitespace=False)
    present_password = serializers.CharField(write_only=True, required=False, trim_whitespace=False)

    def get_actions(self, admin: Admin) -> list[str]:
        return sorted(RIGHTS[admin.level])

    def get_stations(self, admin: Admin) -> list[int]:
        """Those the admin is limited to; none where ``all_stations``."""
        if admin.all_stations:
            return []
        return sorted(admin.limited_stations.values_list("pk", flat=True))


class Me(Endpoint):
    """The caller."""

    actions: ClassVar = {"GET": Action.OWN_ACCOUNT, "PATCH": Action.OWN_ACCOUNT}
    serializer_class = MeSerializer

    def get(self, request: Request) -> Response:
        return self.answer(self.admin)

    def patch(self, request: Request) -> Response:
        fields = self.body()
        present = fields.pop("present_password", "")
        if "password" in fields and not self.admin.check_password(present):
            raise WrongPassword(field="present_password")
        updated = admins.update_own(self.admin, fields, actor=self.actor)
        return self.answer(updated)


class TokenSerializer(serializers.Serializer[ApiToken]):
    """A token without itself: only its digest is kept."""

    id = serializers.IntegerField(read_only=True)
    label = serializers.CharField(max_length=80, required=False, allow_blank=True)  # type: ignore[assignment]
    created_at = Moment(read_only=True)
    last_used_at = Moment(read_only=True, allow_null=True)


class NewTokenSerializer(TokenSerializer):
    """The only answer that ever holds the token."""

    token = serializers.CharField(read_only=True)


class Tokens(Listing):
    """The caller's own tokens that still work."""

    actions: ClassVar = {"GET": Action.OWN_ACCOUNT, "POST": Action.OWN_ACCOUNT}
    serializer_class = TokenSerializer

    def rows(self) -> QuerySet[ApiToken]:
        return selectors.tokens(self.admin)

    @extend_schema(responses={201: NewTokenSerializer})
    def post(self, request: Request) -> Response:
        label = self.body().get("label", "")
        with transaction.atomic():
            token = tokens.create(self.admin, label)
            row = ApiToken.objects.get(digest=tokens.digest(token))
            _record(self, "create_token", row)
        shown: dict[str, Any] = {**TokenSerializer(row).data, "token": token}
        return Response(shown, 201)


class Token(Endpoint):
    """One of the caller's own tokens."""

    actions: ClassVar = {"DELETE": Action.OWN_ACCOUNT}
    serializer_class = TokenSerializer

    def delete(self, request: Request, pk: int) -> Response:
        """It stops working at once."""
        row = self.find(selectors.tokens(self.admin), pk=pk)
        with transaction.atomic():
            ApiToken.objects.filter(pk=row.pk).update(revoked_at=timezone.now())
            _record(self, "revoke_token", row)
        return Response(status=204)


def _record(view: Endpoint, action: str, row: ApiToken) -> None:
    audit.record(
        view.actor,
        action,
        f"token:{row.pk}",
        company_id=view.admin.company_id,
        new={"label": row.label},
    )
