"""What each charger of a campaign is told, checked against the official schemas before it begins."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from stations.drivers.ocpp import schemas
from stations.models import Campaign
from stations.selectors import campaigns as selectors
from stations.services.campaigns import Step, upload_kind
from users.access import scope
from users.models import Admin

# What is filled in for each charger; here only so that the schema finds it.
_ADDRESS, _TIME = "https://example.org/", "2026-01-01T00:00:00Z"


def visible(admin: Admin) -> QuerySet[Campaign]:
    """The admin's campaigns; who is limited to some stations sees those that stay within them."""
    stations = None if admin.all_stations else admin.limited_stations.values_list("pk", flat=True)
    return selectors.within(scope(Campaign.objects.all(), admin), stations)


def settings_steps(settings: Sequence[tuple[str, str]]) -> list[Step]:
    """One ChangeConfiguration for each key."""
    steps: list[Step] = [
        {"action": "ChangeConfiguration", "payload": {"key": key, "value": value}}
        for key, value in settings
    ]
    for step in steps:
        schemas.check_request(step["action"], step["payload"])
    return steps


def order_steps(action: str, payload: Mapping[str, Any]) -> list[Step]:
    """One order. The address of a file that comes back is ours to give."""
    step: Step = {"action": action, "payload": dict(payload)}
    sample = dict(payload)
    if action == "GetDiagnostics":
        _refuse(payload, "location")
        sample["location"] = _ADDRESS
    elif action == "GetLog":
        _refuse(payload, "requestId", "log")
        sample |= {"requestId": 1, "log": {"remoteLocation": _ADDRESS}}
    schemas.check_request(action, sample)
    if action in ("GetDiagnostics", "GetLog") and not upload_kind(step):
        raise DomainError(_("Choose what the charger shall send."), code="bad_kind", field="action")
    return [step]


def firmware_steps(
    *, signed: bool, retries: int | None, retry_interval_s: int | None
) -> list[Step]:
    """New firmware: which of the two orders, and how often the charger tries."""
    tries = {"retries": retries, "retryInterval": retry_interval_s}
    payload: dict[str, Any] = {k: v for k, v in tries.items() if v is not None}
    schemas.check_request("UpdateFirmware", payload | {"location": _ADDRESS, "retrieveDate": _TIME})
    action = "SignedUpdateFirmware" if signed else "UpdateFirmware"
    return [{"action": action, "payload": payload}]


def _refuse(payload: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if name in payload:
            raise DomainError(
                _("Leave %(field)s out: each charger gets an address of its own."),
                code="not_yours",
                field=name,
            )
