"""Query parameters of lists: declared, checked, and part of the OpenAPI description."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from evbilling.api.errors import BadQuery
from evbilling.api.fields import Moment

M = TypeVar("M", bound=Model)
Q = TypeVar("Q", bound="Query")
AnyField = serializers.Field[Any, Any, Any, Any]


class Query(serializers.Serializer[Any]):
    """Each field's ``source`` is the lookup it stands for; what is not given does not narrow."""

    def narrow(self, rows: QuerySet[M]) -> QuerySet[M]:
        return rows.filter(**self.validated_data)


class ByTime(Query):
    """``from`` and ``to``: from the first moment that counts to the first that no longer does."""

    time = "at"

    def get_fields(self) -> dict[str, AnyField]:
        first = Moment(required=False, source=f"{self.time}__gte", help_text="Not before.")
        last = Moment(required=False, source=f"{self.time}__lt", help_text="Before.")
        return {**super().get_fields(), "from": first, "to": last}


class OfCompany(Query):
    """For platform staff, who see every company."""

    company = serializers.IntegerField(
        required=False, source="company_id", help_text="Platform staff: one company only."
    )


def read(query: type[Q], request: Request) -> Q:
    """The parameters of ``request``; one that makes no sense is a 400 that names it."""
    given = {name: value for name, value in request.query_params.items() if value != ""}
    found = query(data=given)
    if not found.is_valid():
        name, problems = next(iter(found.errors.items()))
        raise BadQuery(name, str(problems[0]))
    return found
