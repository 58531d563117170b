"""The three commands of the Smart Charging profile (OCPP 1.6 §5.4, §5.7 and §5.16)."""

from typing import TYPE_CHECKING

from simulators.connector import Connector
from simulators.journal import Payload
from simulators.ocpp_link import Answer
from simulators.profiles import STATION_MAX, TX, TX_DEFAULT, Limit, Profile, tighter

if TYPE_CHECKING:
    from simulators.charger import ChargePoint

_ACCEPTED: Payload = {"status": "Accepted"}
_REJECTED: Payload = {"status": "Rejected"}


def set_profile(point: "ChargePoint", payload: Payload) -> Answer:
    """SetChargingProfile: the new limit is in force when the .conf has gone out."""
    number = payload["connectorId"]
    profile = Profile.parse(number, payload["csChargingProfiles"], point.time.seconds())
    if not _is_acceptable(point, number, profile):
        return Answer(_REJECTED)
    if point.faults.switches.ignore_profiles:
        return Answer(_ACCEPTED)

    def install() -> None:
        point.profiles.install(profile)
        point.refresh()

    return Answer(_ACCEPTED, then=install)


def _is_acceptable(point: "ChargePoint", number: object, profile: Profile) -> bool:
    configuration = point.configuration
    fits = (
        0 <= profile.stack_level <= configuration.number("ChargeProfileMaxStackLevel")
        and len(profile.periods) <= configuration.number("ChargingScheduleMaxPeriods")
        and len(point.profiles.installed) < configuration.number("MaxChargingProfilesInstalled")
    )
    connector = next((c for c in point.connectors if c.number == number), None)
    if not fits or (connector is None and number != 0):
        return False
    if profile.purpose == TX:
        return connector is not None and _is_for_its_session(connector, profile)
    return profile.purpose == TX_DEFAULT or (profile.purpose == STATION_MAX and number == 0)


def _is_for_its_session(connector: Connector, profile: Profile) -> bool:
    session = connector.session
    return session is not None and profile.transaction_id in (None, session.transaction_id)


def clear_profile(point: "ChargePoint", payload: Payload) -> Answer:
    """ClearChargingProfile: without criteria it clears them all."""
    removed = point.profiles.clear(
        profile_id=payload.get("id"),
        connector=payload.get("connectorId"),
        purpose=payload.get("chargingProfilePurpose"),
        stack_level=payload.get("stackLevel"),
    )
    return Answer({"status": "Accepted" if removed else "Unknown"}, then=point.refresh)


def composite_schedule(point: "ChargePoint", payload: Payload) -> Answer:
    """GetCompositeSchedule: the limits in force from now on, one period per change."""
    number, duration = payload["connectorId"], float(payload["duration"])
    connector = next((c for c in (point.main, *point.connectors) if c.number == number), None)
    if connector is None:
        return Answer(_REJECTED)
    unit = payload.get("chargingRateUnit") or ("W" if connector.rating.direct else "A")
    now = point.time.seconds()
    starts = [c.session.started_at for c in point.connectors if c.session is not None]
    periods: list[Payload] = []
    at = now
    while at < now + duration:
        limit = _rate(point, connector, at, unit)
        if not periods or periods[-1]["limit"] != limit:
            periods.append({"startPeriod": round(at - now), "limit": limit})
        at = point.profiles.next_edge(at, starts)
    schedule = {
        "duration": round(duration),
        "chargingRateUnit": unit,
        "chargingSchedulePeriod": periods,
    }
    return Answer(
        {
            "status": "Accepted",
            "connectorId": number,
            "scheduleStart": point.clock.stamp(now),
            "chargingSchedule": schedule,
        }
    )


def _rate(point: "ChargePoint", connector: Connector, at: float, unit: str) -> float:
    """The limit of ``connector`` at a moment, in ``unit``, to one decimal and never rounded up."""
    rating = connector.rating
    limit = tighter(Limit(rating.power_w, "W"), limit_for(point, connector, at), rating.phases)
    if limit is None:
        return 0.0
    value = limit.watts(rating.phases) if unit == "W" else limit.amps(rating.phases)
    return int(value * 10 + 1e-6) / 10


def limit_for(point: "ChargePoint", connector: Connector, at: float) -> Limit | None:
    """What the profiles allow a connector at a moment; connector 0 is the whole charge point.

    The station's cap is shared equally by the connectors with a session.
    """
    station = point.profiles.station_limit(at)
    if connector.number == 0:
        return station
    session = connector.session
    own = point.profiles.connector_limit(
        connector.number,
        at,
        None if session is None else session.started_at,
        None if session is None else session.transaction_id,
    )
    if station is not None:
        station = station.shared_by(max(1, sum(c.session is not None for c in point.connectors)))
    return tighter(own, station, connector.rating.phases)
