"""What every view of the API has: its rights, the caller, and the way to other people's 404."""

from typing import Any, ClassVar, TypeVar, cast

from django.db.models import Model, QuerySet
from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from core import audit
from evbilling.api import filters as queries
from evbilling.api.errors import BadQuery, Foreign, MissingNow, ProblemSerializer
from evbilling.api.parsers import ExactJson
from evbilling.api.permissions import Actions
from evbilling.middleware import client_address
from users.models import Admin, Company

M = TypeVar("M", bound=Model)


class AlwaysJson(BaseContentNegotiation):
    """There is one format, so Accept is not asked."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        given = (request.content_type or "").split(";")[0].strip().lower()
        return next((p for p in parsers if p.media_type == given), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class Described(AutoSchema):
    """Adds to the description what all views share: filters of lists, and what every 4xx says."""

    def get_override_parameters(self) -> list[Any]:
        query = getattr(self.view, "filters", None)
        return [query] if query is not None and self.method == "GET" else []

    def get_request_serializer(self) -> Any:
        new = getattr(self.view, "new_serializer", None)
        return (
            new if new is not None and self.method == "POST" else super().get_request_serializer()
        )

    def _is_create_operation(self) -> bool:
        return self.method == "POST" and isinstance(self.view, ListModelMixin)

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found = super()._get_response_bodies(direction)
        refused = OpenApiResponse(ProblemSerializer, "Refused; `fields` says what of the request.")
        of_code: Any = self._get_response_for_code
        return {**found, "4XX": of_code(refused, "4XX", direction=direction)}


class Endpoint(GenericAPIView[Any]):
    """``actions`` says which right each method needs (checked at start-up).

    ``new_serializer`` reads a POST where a new row may say more than a changed one.
    """

    actions: ClassVar[Actions] = {}
    new_serializer: ClassVar[type[BaseSerializer[Any]] | None] = None
    schema = Described()
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    parser_classes = [ExactJson]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson

    @property
    def admin(self) -> Admin:
        """The caller. Views that anybody may call do not ask."""
        return cast(Admin, self.request.user)

    @property
    def actor(self) -> audit.Actor:
        """The caller as the audit names them."""
        address = client_address(self.request._request)
        return audit.Actor("admin", str(self.admin.pk), str(self.admin), address)

    def find(self, rows: QuerySet[M], **lookup: Any) -> M:
        """One row of the caller's, or 404; trying somebody else's is remembered."""
        found = list(rows.filter(**lookup)[:2])
        if len(found) == 1:
            return found[0]
        if found:
            sentence = _("Several companies have one: add ?company=.")
            raise BadQuery("company", sentence, "ambiguous")
        model: Any = rows.model
        raise Foreign if model.objects.filter(**lookup).exists() else MissingNow

    def body(self, serializer: type[BaseSerializer[Any]] | None = None) -> Any:
        """The checked fields of the request as a dictionary: of PATCH those that were sent, else all."""
        partial = self.request.method == "PATCH"
        kind = serializer or (None if partial else self.new_serializer)
        kind = kind or self.get_serializer_class()
        given = self.request.data
        reader = kind(data=given, partial=partial, context=self.get_serializer_context())
        reader.is_valid(raise_exception=True)
        return dict(reader.validated_data)

    def answer(self, row: Any, status: int = 200) -> Response:
        return Response(self.get_serializer(row).data, status)

    def company_for(self, given: Company | None) -> Company:
        """Whose a new row is: the caller's own company; platform staff must say."""
        company = given or self.admin.company
        if company is None:
            raise ValidationError({"company": [_("Say for which company.")]}, code="required")
        return company


class Listing(ListModelMixin, Endpoint):
    """A list by cursor: ``rows`` are the caller's, ``filters`` narrows them."""

    filters: ClassVar[type[queries.Query] | None] = None
    ordering: ClassVar[tuple[str, ...]] = ("-id",)

    def rows(self) -> QuerySet[Any]:
        """What is listed, with everything the serializer reads."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Any]:
        rows = self.rows()
        if self.filters is not None:
            rows = queries.read(self.filters, self.request).narrow(rows)
        return rows

    def get(self, request: Request, **kwargs: Any) -> HttpResponseBase:
        return self.list(request)
