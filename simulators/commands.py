"""What the server may ask of a charger, and the charger's answers (OCPP 1.6 §5).

Each handler returns an ``Answer``; whatever the charger then does or sends comes after the .conf.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from simulators import security, smart_charging
from simulators.configuration import KEYS
from simulators.connector import Authorisation, Connector, Reservation
from simulators.journal import Payload
from simulators.ocpp_link import Answer
from simulators.profiles import TX, Profile, seconds_of

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

Handler = Callable[["ChargePoint", Payload], Answer]

ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}
# How a refusal is spelled where the standard does not say Rejected.
_REFUSALS = {
    "UnlockConnector": {"status": "UnlockFailed"},
    "SendLocalList": {"status": "Failed"},
    "ClearChargingProfile": {"status": "Unknown"},
}
_WITHOUT_STATUS = {"GetConfiguration", "GetLocalListVersion", "GetDiagnostics", "UpdateFirmware"}


def answer(point: "ChargePoint", action: str, payload: Payload) -> Answer:
    """The reply to a CALL of the server."""
    handler = _HANDLERS.get(action)
    if handler is None:
        return Answer(error=("NotImplemented", f"this charger does not know {action}"))
    switches = point.faults.switches
    if action in switches.reject:
        if action in _WITHOUT_STATUS:
            return Answer(error=("InternalError", f"{action} is refused"))
        return Answer(_REFUSALS.get(action, REJECTED))
    try:
        reply = handler(point, payload)
    except KeyError as error:
        return Answer(error=("OccurenceConstraintViolation", f"{error.args[0]} is missing"))
    except (TypeError, ValueError, AttributeError) as error:
        return Answer(error=("TypeConstraintViolation", str(error)))
    return reply


def _find(point: "ChargePoint", number: object) -> Connector | None:
    return next((c for c in point.connectors if c.number == number), None)


# Transactions


def _remote_start(point: "ChargePoint", payload: Payload) -> Answer:
    wish = Authorisation(str(payload["idTag"]))
    connector = _connector_to_start(point, payload.get("connectorId"), wish)
    if connector is None or not point.link.registered:
        return Answer(REJECTED)
    if "chargingProfile" in payload:
        now = point.time.seconds()
        profile = Profile.parse(connector.number, payload["chargingProfile"], now)
        if profile.purpose != TX:
            return Answer(REJECTED)
        wish = replace(wish, profile=profile)
    return Answer(ACCEPTED, then=partial(point.sessions.remote_start, connector, wish))


def _connector_to_start(
    point: "ChargePoint", number: object, wish: Authorisation
) -> Connector | None:
    """The one asked for, else one with a car, else a free one; ``None`` if it cannot be."""
    usable = [
        c
        for c in point.connectors
        if number in (None, c.number) and point.sessions.is_free_for(c, wish)
    ]
    return min(usable, key=lambda c: c.car is None, default=None)


def _remote_stop(point: "ChargePoint", payload: Payload) -> Answer:
    connector = point.sessions.by_transaction(int(payload["transactionId"]))
    if connector is None:
        return Answer(REJECTED)
    if point.faults.switches.ignore_remote_stop:
        return Answer(ACCEPTED)
    return Answer(ACCEPTED, then=partial(point.stop_session, connector.number, "Remote"))


def _unlock(point: "ChargePoint", payload: Payload) -> Answer:
    connector = _find(point, payload["connectorId"])
    if connector is None:
        return Answer({"status": "NotSupported"})
    stop = partial(point.stop_session, connector.number, "UnlockCommand")
    return Answer({"status": "Unlocked"}, then=stop)


# The charger itself


def _reset(point: "ChargePoint", payload: Payload) -> Answer:
    kind = str(payload["type"])
    if kind not in ("Soft", "Hard"):
        raise ValueError(f"no reset is called {kind}")
    return Answer(ACCEPTED, then=lambda: point.spawn(point.reset(kind)))


def _change_availability(point: "ChargePoint", payload: Payload) -> Answer:
    number, operative = payload["connectorId"], payload["type"] == "Operative"
    targets = [*point.connectors, point.main] if number == 0 else [_find(point, number)]
    chosen = [c for c in targets if c is not None]
    if not chosen:
        return Answer(REJECTED)
    busy = [c for c in chosen if c.session is not None]
    for connector in chosen:
        if connector in busy:
            connector.operative_later = operative
        else:
            connector.operative = operative
    status = "Scheduled" if busy and not operative else "Accepted"
    return Answer({"status": status}, then=point.refresh)


def _get_configuration(point: "ChargePoint", payload: Payload) -> Answer:
    asked = payload.get("key") or []
    known = [name for key in asked if (name := point.configuration.name_of(str(key)))]
    result: Payload = {}
    unknown = [str(key)[:50] for key in asked if point.configuration.name_of(str(key)) is None]
    # A secret is shown to nobody, but who asks for it by name learns that the key exists.
    names = known if asked else [name for name, key in KEYS.items() if not key.write_only]
    result["configurationKey"] = [point.configuration.describe(name) for name in names]
    if unknown:
        result["unknownKey"] = unknown
    return Answer(result)


def _change_configuration(point: "ChargePoint", payload: Payload) -> Answer:
    name, value = str(payload["key"]), payload["value"]
    if not isinstance(value, str):
        raise TypeError("a configuration value is a text")
    if point.configuration.name_of(name) == "SecurityProfile":
        return security.change_profile(point, value)
    status = point.configuration.change(name, value)
    then = None
    if status == "Accepted":
        then = partial(point.configuration_changed, point.configuration.name_of(name) or name)
    return Answer({"status": status}, then=then)


def _clear_cache(point: "ChargePoint", payload: Payload) -> Answer:
    if not point.configuration.flag("AuthorizationCacheEnabled"):
        return Answer(REJECTED)
    point.cards.forget()
    return Answer(ACCEPTED)


def _data_transfer(point: "ChargePoint", payload: Payload) -> Answer:
    if payload["vendorId"] != point.hardware.vendor:
        return Answer({"status": "UnknownVendorId"})
    return Answer({"status": "Accepted", "data": str(payload.get("data", ""))})


# Triggers


def _trigger(point: "ChargePoint", payload: Payload) -> Answer:
    kind, number = str(payload["requestedMessage"]), payload.get("connectorId")
    if kind not in _TRIGGERS:
        return Answer({"status": "NotImplemented"})
    if number is not None and number != 0 and _find(point, number) is None:
        return Answer(REJECTED)
    return Answer(ACCEPTED, then=partial(_TRIGGERS[kind], point, number))


def _extended_trigger(point: "ChargePoint", payload: Payload) -> Answer:
    """The security extension's trigger: that of the core profile, and the request for a certificate."""
    if payload["requestedMessage"] == "SignChargePointCertificate":
        return security.trigger_certificate(point)
    return _trigger(point, payload)


def _trigger_meter_values(point: "ChargePoint", number: int | None) -> None:
    for connector in point.connectors:
        if number in (None, 0, connector.number):
            point.sessions.send_meter_values(
                connector, "Trigger", "MeterValuesSampledData", early=not point.link.registered
            )


def _trigger_status(point: "ChargePoint", number: int | None) -> None:
    for connector in (point.main, *point.connectors):
        if number in (None, connector.number):
            point.presence.announce(connector, early=True)


_TRIGGERS: dict[str, Callable[["ChargePoint", int | None], None]] = {
    "BootNotification": lambda point, _: point.presence.boot(),
    "DiagnosticsStatusNotification": lambda p, _: p.maintenance.report_diagnostics(early=True),
    "FirmwareStatusNotification": lambda p, _: p.maintenance.report_firmware(early=True),
    "Heartbeat": lambda point, _: point.link.post("Heartbeat", {}, early=True),
    "MeterValues": _trigger_meter_values,
    "StatusNotification": _trigger_status,
}


# Reservations and the local list


def _reserve(point: "ChargePoint", payload: Payload) -> Answer:
    reservation = Reservation(
        id=int(payload["reservationId"]),
        id_tag=str(payload["idTag"]),
        parent_id_tag=str(payload.get("parentIdTag", "")),
        expires_at=seconds_of(payload["expiryDate"]),
    )
    connector = _find(point, payload["connectorId"])
    if connector is None:  # also 0: ReserveConnectorZeroSupported is false
        return Answer(REJECTED)
    held = connector.reservation
    if connector.status in ("Faulted", "Unavailable"):
        return Answer({"status": connector.status})
    if connector.status != "Available" and (held is None or held.id != reservation.id):
        return Answer({"status": "Occupied"})
    return Answer(ACCEPTED, then=partial(_hold, point, connector, reservation))


def _hold(point: "ChargePoint", connector: Connector, reservation: Reservation) -> None:
    connector.reservation = reservation
    free = partial(_free, point, connector, reservation)
    connector.set_timer("reservation", point.time.call_at(reservation.expires_at, free))
    point.refresh()


def _free(point: "ChargePoint", connector: Connector, reservation: Reservation) -> None:
    if connector.reservation is reservation:
        connector.reservation = None
        connector.set_timer("reservation", None)
        point.refresh()


def _cancel_reservation(point: "ChargePoint", payload: Payload) -> Answer:
    for connector in point.connectors:
        held = connector.reservation
        if held is not None and held.id == payload["reservationId"]:
            return Answer(ACCEPTED, then=partial(_free, point, connector, held))
    return Answer(REJECTED)


def _send_local_list(point: "ChargePoint", payload: Payload) -> Answer:
    entries = payload.get("localAuthorizationList", [])
    full = payload["updateType"] == "Full"
    return Answer({"status": point.cards.update(int(payload["listVersion"]), entries, full)})


def _local_list_version(point: "ChargePoint", payload: Payload) -> Answer:
    return Answer({"listVersion": point.cards.version})


# Maintenance


def _update_firmware(point: "ChargePoint", payload: Payload) -> Answer:
    seconds_of(payload["retrieveDate"])
    str(payload["location"])
    return Answer({}, then=lambda: point.spawn(point.maintenance.update_firmware(payload)))


def _get_diagnostics(point: "ChargePoint", payload: Payload) -> Answer:
    str(payload["location"])
    name = f"{point.identity}-diagnostics.jsonl"
    upload = partial(point.maintenance.upload_diagnostics, payload, name)
    return Answer({"fileName": name}, then=lambda: point.spawn(upload()))


_HANDLERS: dict[str, Handler] = {
    "CancelReservation": _cancel_reservation,
    "CertificateSigned": security.certificate_signed,
    "ChangeAvailability": _change_availability,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "ClearChargingProfile": smart_charging.clear_profile,
    "DataTransfer": _data_transfer,
    "DeleteCertificate": security.delete_certificate,
    "ExtendedTriggerMessage": _extended_trigger,
    "GetCompositeSchedule": smart_charging.composite_schedule,
    "GetConfiguration": _get_configuration,
    "GetDiagnostics": _get_diagnostics,
    "GetInstalledCertificateIds": security.installed_certificates,
    "GetLocalListVersion": _local_list_version,
    "InstallCertificate": security.install_certificate,
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "ReserveNow": _reserve,
    "Reset": _reset,
    "SendLocalList": _send_local_list,
    "SetChargingProfile": smart_charging.set_profile,
    "TriggerMessage": _trigger,
    "UnlockConnector": _unlock,
    "UpdateFirmware": _update_firmware,
}
