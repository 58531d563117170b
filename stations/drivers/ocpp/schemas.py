"""The official OCPP 1.6 JSON schemas (shipped with the ``ocpp`` package): what we send must pass them."""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import jsonschema_rs
import orjson
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError

# Everything a central system may ask of a charge point: all profiles of OCPP 1.6 and the security
# extension.
OUTWARD = (
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "Reset",
    "UnlockConnector",
    "ChangeAvailability",
    "GetConfiguration",
    "ChangeConfiguration",
    "ClearCache",
    "TriggerMessage",
    "DataTransfer",
    # Smart Charging
    "SetChargingProfile",
    "ClearChargingProfile",
    "GetCompositeSchedule",
    # Firmware Management
    "UpdateFirmware",
    "GetDiagnostics",
    # Local Auth List Management
    "GetLocalListVersion",
    "SendLocalList",
    # Reservation
    "ReserveNow",
    "CancelReservation",
    # Security extension
    "ExtendedTriggerMessage",
    "CertificateSigned",
    "InstallCertificate",
    "DeleteCertificate",
    "GetInstalledCertificateIds",
    "GetLog",
    "SignedUpdateFirmware",
)


class BadRequest(DomainError):
    """A request that the standard forbids is never sent."""

    code = "bad_request"

    SENTENCES = {
        "required": _("%(field)s is missing."),
        "type": _("%(field)s has the wrong type."),
        "enum": _("%(field)s has a value the standard does not know."),
        "maxLength": _("%(field)s is too long."),
        "additionalProperties": _("%(field)s is not part of this request."),
        "other": _("%(field)s is not valid."),
    }

    def __init__(self, kind: str, field: str) -> None:
        super().__init__(self.SENTENCES.get(kind, self.SENTENCES["other"]), field=field)
        self.params = {"field": field or "payload"}


@cache
def validator(name: str) -> Any:
    """The compiled schema of ``Action`` (request) or ``ActionResponse``.

    Formats count: a time that is none or a location without scheme would only fail at the charger.
    """
    file = resources.files("ocpp.v16").joinpath("schemas", f"{name}.json")
    schema = orjson.loads(file.read_bytes().lstrip(b"\xef\xbb\xbf"))
    return jsonschema_rs.Draft4Validator(schema, validate_formats=True)


def check_request(action: str, payload: Mapping[str, Any]) -> None:
    """Raise ``BadRequest`` naming the field unless ``payload`` is a valid ``action`` request."""
    if action not in OUTWARD:
        raise DomainError(
            _("This product does not send %(action)s."), code="unknown_action", action=action
        )
    error = next(iter(validator(action).iter_errors(dict(payload))), None)
    if error is not None:
        kind, field = _kind_and_field(error)
        raise BadRequest(kind, field)


def _kind_and_field(error: Any) -> tuple[str, str]:
    path = ".".join(str(step) for step in error.instance_path)
    kind = str(error.schema_path[-1]) if error.schema_path else "other"
    named = re.search(r"[\"']([A-Za-z]+)[\"']", error.message)
    if kind in ("required", "additionalProperties") and named:
        path = f"{path}.{named.group(1)}".lstrip(".")
    return kind, path
