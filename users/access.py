"""Who may do what to which objects: the one table of rights and the only door to objects.

``check(admin, action)`` holds the level × action table; ``scope(queryset, admin)`` narrows any
queryset to the admin's company and, where the admin is limited, to some stations. Views and API
get objects through selectors built on ``scope``: what is somebody else's does not exist (404).
"""

from enum import StrEnum
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _

from core.errors import NotAllowed
from users.models import Admin, Level

M = TypeVar("M", bound=Model)


class Action(StrEnum):
    """Everything that can be asked of the back office or the API."""

    VIEW = "view"
    OWN_ACCOUNT = "own_account"
    COMMAND_CHARGER = "command_charger"
    SWITCH_CHARGER = "switch_charger"
    DOWNLOAD_FILE = "download_file"
    UPDATE_FIRMWARE = "update_firmware"
    RUN_CAMPAIGN = "run_campaign"
    RESERVE = "reserve"
    EDIT_CHARGER = "edit_charger"
    SECURE_CHARGER = "secure_charger"
    EDIT_AUTHORITY = "edit_authority"
    FORWARD_INSIDE = "forward_inside"  # copies to an address inside a private network
    EDIT_STATION = "edit_station"
    RESOLVE_CASE = "resolve_case"
    STOP_SESSION = "stop_session"
    EDIT_CUSTOMER = "edit_customer"
    EDIT_CARD = "edit_card"
    TOP_UP = "top_up"
    WITHDRAW = "withdraw"
    TAKE_PAYMENT = "take_payment"
    ISSUE_STATEMENT = "issue_statement"
    VIEW_LEDGER = "view_ledger"
    VIEW_PAYMENT = "view_payment"
    PAY_REFUND = "pay_refund"
    IMPORT_SETTLEMENT = "import_settlement"
    VIEW_DOCUMENT = "view_document"
    ISSUE_DOCUMENT = (
        "issue_document"  # a full one in place of an abbreviated one, a number from outside
    )
    VOID_DOCUMENT = "void_document"  # void, correct after the tax month, credit notes
    EDIT_TARIFF = "edit_tariff"
    EDIT_ADMIN = "edit_admin"
    EDIT_COMPANY = "edit_company"
    VIEW_AUDIT = "view_audit"
    EDIT_GATEWAY = "edit_gateway"  # where money goes, and the keys to it
    RETRY_DELIVERY = "retry_delivery"
    SWITCH_COMPANY = "switch_company"


_VIEWER = frozenset({Action.VIEW, Action.OWN_ACCOUNT, Action.VIEW_DOCUMENT})
_OPERATOR = _VIEWER | {
    Action.COMMAND_CHARGER,
    Action.SWITCH_CHARGER,
    Action.DOWNLOAD_FILE,
    Action.RESERVE,
    Action.RESOLVE_CASE,
    Action.STOP_SESSION,
    Action.EDIT_CARD,
    Action.TOP_UP,
    Action.VIEW_PAYMENT,
    Action.TAKE_PAYMENT,
    Action.ISSUE_DOCUMENT,
}
_MANAGER = _OPERATOR | {
    Action.EDIT_CHARGER,
    Action.SECURE_CHARGER,
    Action.UPDATE_FIRMWARE,
    Action.RUN_CAMPAIGN,
    Action.EDIT_STATION,
    Action.EDIT_CUSTOMER,
    Action.WITHDRAW,
    Action.ISSUE_STATEMENT,
    Action.VIEW_LEDGER,
    Action.PAY_REFUND,
    Action.IMPORT_SETTLEMENT,
    Action.EDIT_TARIFF,
    Action.VIEW_AUDIT,
    Action.VOID_DOCUMENT,
}
_OWNER = _MANAGER | {
    Action.EDIT_ADMIN,
    Action.EDIT_COMPANY,
    Action.EDIT_AUTHORITY,
    Action.EDIT_GATEWAY,
    Action.RETRY_DELIVERY,
    Action.FORWARD_INSIDE,
}

RIGHTS: dict[str, frozenset[Action]] = {
    Level.VIEWER: frozenset(_VIEWER),
    Level.OPERATOR: frozenset(_OPERATOR),
    Level.MANAGER: frozenset(_MANAGER),
    Level.OWNER: frozenset(_OWNER),
    Level.PLATFORM: frozenset(_OWNER | {Action.SWITCH_COMPANY}),
}


def may(admin: Admin, action: Action) -> bool:
    """Whether the admin's level permits the action at all."""
    return admin.is_active and action in RIGHTS[admin.level]


def check(admin: Admin, action: Action) -> None:
    """Raise ``NotAllowed`` unless the admin's level permits the action."""
    if not may(admin, action):
        raise NotAllowed(
            _("Your level (%(level)s) cannot do this. Ask an owner of the company."),
            level=admin.get_level_display(),
        )


def scope(queryset: QuerySet[M], admin: Admin) -> QuerySet[M]:
    """The rows of ``queryset`` that are the admin's to see.

    The model says where its company and station are: ``company_path``, ``station_path``.
    """
    model: Any = queryset.model
    narrowed = queryset
    if admin.level != Level.PLATFORM:
        narrowed = narrowed.filter(**{getattr(model, "company_path", "company"): admin.company_id})
    station_path = getattr(model, "station_path", None)
    if not admin.all_stations and station_path is not None:
        narrowed = narrowed.filter(
            Q(**{f"{station_path}__in": admin.limited_stations.values("pk")})
        )
    return narrowed


def get(queryset: QuerySet[M], admin: Admin, **lookup: Any) -> M:
    """One row of the admin's, or 404 whether it is missing or somebody else's."""
    return get_object_or_404(scope(queryset, admin), **lookup)


def is_platform(admin: Admin) -> bool:
    return admin.level == Level.PLATFORM
