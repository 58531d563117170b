"""The menu: what there is, in groups, for those who may."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.models import Refund, RefundState
from evbilling.backoffice.gate import AdminRequest, rows
from stations.models import Case, Charger, Connector, ConnectorStatus
from stations.selectors.strangers import seen_by
from users.access import Action, is_platform, may
from users.models import Company, DataRequest


@dataclass(frozen=True, slots=True)
class Item:
    """One entry. ``pages`` are the URL names that it stands for; ``badge`` names a count."""

    name: str
    word: str | Promise
    icon: str
    pages: tuple[str, ...] = ()
    action: Action = Action.VIEW
    badge: str = ""


GROUPS: tuple[tuple[str | Promise, tuple[Item, ...]], ...] = (
    (
        _("Watch"),
        (
            Item("overview", _("Overview"), "layout-dashboard"),
            Item("sessions", _("Charging history"), "history", ("session", "session-frames")),
            Item("reservations", _("Reservations"), "calendar-time"),
            Item("cases", _("Cases"), "clipboard-check", badge="cases"),
            Item("told", _("Messages"), "message-2"),
        ),
    ),
    (
        _("Manage"),
        (
            Item("stations", _("Stations"), "building-store", ("station", "station-sheets")),
            Item(
                "chargers",
                _("Chargers"),
                "charging-pile",
                (
                    "charger",
                    "charger-sessions",
                    "charger-sheets",
                    "charger-frames",
                    "charger-communication",
                    "charger-security",
                    "charger-files",
                    "charger-forwarding",
                    "charger-forwarding-set",
                    "charger-commissioning",
                    "charger-doctor",
                    "charger-acceptance",
                    "charger-acceptance-run",
                    "charger-edit",
                ),
                badge="chargers",
            ),
            Item(
                "strangers",
                _("New chargers"),
                "plus",
                ("charger-add", "stranger-adopt"),
                action=Action.EDIT_CHARGER,
                badge="strangers",
            ),
            Item(
                "templates",
                _("Configuration templates"),
                "adjustments",
                ("template-new", "template"),
            ),
            Item("firmware", _("Firmware"), "download"),
            Item("campaigns", _("Campaigns"), "list-details", ("campaign", "campaign-new")),
            Item("prices", _("Prices"), "tags", ("price-edit",)),
            Item("holidays", _("Holidays"), "calendar-off"),
        ),
    ),
    (
        _("Money"),
        (
            Item("payments", _("Payments"), "credit-card", ("payment",), Action.VIEW_PAYMENT),
            Item(
                "refunds",
                _("Money to pay back"),
                "arrow-back-up",
                ("refund", "refund-pay"),
                Action.VIEW_PAYMENT,
                badge="refunds",
            ),
            Item(
                "invoices",
                _("Tax invoices"),
                "file-invoice",
                ("invoice", "invoice-full", "invoice-credit", "invoice-void", "invoice-outside"),
                action=Action.VIEW_DOCUMENT,
            ),
            Item("sales-tax", _("Sales-tax report"), "receipt-2", action=Action.VIEW_DOCUMENT),
            Item(
                "statements",
                _("Monthly bills"),
                "cash",
                ("statement", "statements-issue", "statements-terms"),
                action=Action.VIEW_DOCUMENT,
            ),
            Item(
                "settlements",
                _("Settlements"),
                "wallet",
                ("settlement-preview", "settlement-book"),
                Action.IMPORT_SETTLEMENT,
            ),
            Item(
                "ledger",
                _("Ledger"),
                "report-money",
                ("ledger-account", "ledger-transfer", "ledger-proofs"),
                Action.VIEW_LEDGER,
            ),
            Item(
                "gateways",
                _("Payment accounts"),
                "adjustments",
                ("gateway", "gateway-try"),
                action=Action.EDIT_GATEWAY,
            ),
            Item(
                "legal-entities",
                _("Legal entities"),
                "id-badge-2",
                ("legal-new", "legal-entity"),
                action=Action.EDIT_COMPANY,
            ),
        ),
    ),
    (
        _("System"),
        (
            Item("certificates", _("Certificates"), "shield-lock"),
            Item("frames", _("Frames"), "list-search"),
            Item("privacy", _("Privacy"), "shield-check", badge="requests"),
            Item("alarms", _("Alarms"), "bell", action=Action.RETRY_DELIVERY),
        ),
    ),
)
BADGE_TITLES = {
    "chargers": _("Chargers that need a look"),
    "cases": _("Open cases"),
    "strangers": _("Chargers at the door"),
    "requests": _("Open requests about personal data"),
    "refunds": _("Refunds that wait for an admin"),
}


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as shown on one page."""

    item: Item
    url: str
    current: bool


class Shell:
    """What stands around every page; nothing is asked of the database before it is shown."""

    def __init__(self, request: AdminRequest) -> None:
        self.request = request
        self.admin = request.admin
        self.company = request.company

    @cached_property
    def groups(self) -> list[tuple[str | Promise, list[Link]]]:
        found = []
        for title, items in GROUPS:
            links = [self._link(item) for item in items if may(self.admin, item.action)]
            if links:
                found.append((title, links))
        return found

    @cached_property
    def dock(self) -> list[Link]:
        """The three pages under a thumb."""
        links = [link for _, group in self.groups for link in group]
        return [link for link in links if link.item.name in ("overview", "sessions", "chargers")]

    @cached_property
    def companies(self) -> list[Company]:
        """What platform staff may switch to; empty for everybody else."""
        return list(Company.objects.order_by("sort_key")[:200]) if is_platform(self.admin) else []

    @cached_property
    def badges(self) -> dict[str, int]:
        """What waits for a person, by menu entry."""
        faulted = Connector.objects.filter(charger=OuterRef("pk"), status=ConnectorStatus.FAULTED)
        chargers = rows(self.request, Charger.objects.filter(enabled=True, station__enabled=True))
        needing = chargers.filter(Q(connection_holder="") | Exists(faulted))
        cases = rows(self.request, Case.objects.filter(resolved_at__isnull=True))
        counted: dict[str, QuerySet[Any]] = {
            "chargers": needing,
            "cases": cases,
            "strangers": seen_by(self.admin),
            "refunds": rows(self.request, Refund.objects.filter(state=RefundState.QUEUED)),
        }
        if may(self.admin, Action.EDIT_COMPANY):
            asked = DataRequest.objects.filter(done_at__isnull=True)
            counted["requests"] = rows(self.request, asked)
        return _counts(counted)

    def _link(self, item: Item) -> Link:
        match = self.request.resolver_match
        here = match.url_name if match else None
        current = here == item.name or here in item.pages
        url = reverse(item.name)
        if item.name == "overview" and here == "overview" and self.request.GET.get("view") is None:
            url += "?view=detail"  # a second click on Overview switches the view
        return Link(item, url, current)


def _counts(counted: Mapping[str, QuerySet[Any]]) -> dict[str, int]:
    """How many rows each has, in one statement: every page asks for this."""
    one, *others = (
        rows.order_by()
        .values(badge=Value(name))
        .annotate(waiting=Count("pk"))
        .values_list("badge", "waiting")
        for name, rows in counted.items()
    )
    return dict.fromkeys(counted, 0) | dict(one.union(*others, all=True))
