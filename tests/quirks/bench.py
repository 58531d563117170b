"""A charger on the bench: one of each row of the table, and the table itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.models import Bill
from stations.drivers.ocpp.driver import OcppDriver
from stations.models import Case, Charger, Command, Connector, Finding, Session
from tests.factories import a_card, a_charger, a_customer
from tests.stack import Stack, eventually
from tests.wire import Point, now

ENERGY = "Energy.Active.Import.Register"


def ago(minutes: float) -> str:
    """A time in the past, as a charger that was away says it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


class Bench:
    """A charger of its own station and company, with a card that has money."""

    def __init__(self, live: Stack, **charger: Any) -> None:
        self.live = live
        self.charger = a_charger(connectors=2, **charger)
        self.customer = a_customer(self.charger.station.company, balance=100_000_00)
        self.tag = a_card(self.customer).id_tag

    def point(self, **said: str) -> Point:
        """Connected; ``said`` is what it says of itself at boot, nothing: no boot."""
        point = Point(self.live.ocpp_url, self.charger)
        if said:
            point.call("BootNotification", boot(**said))
        return point

    def plug(self, number: int = 1) -> Connector:
        return Connector.objects.select_related("charger__station").get(
            charger=self.charger, connector_id=number
        )

    def charge(
        self,
        point: Point,
        start: int,
        registers: Sequence[Any],
        stop: int | None,
        **more: Any,
    ) -> Session:
        """A charge of an hour that ended ten minutes ago, its readings spread evenly."""
        begun = point.start(self.tag, meter=start, at=ago(70))["transactionId"]
        gap = 60 / (len(registers) + 1)
        for n, register in enumerate(registers, 1):
            point.meter(begun, register, at=ago(70 - n * gap), **more)
        if stop is not None:
            point.stop(begun, stop, at=ago(10))
        return self.session(begun)

    def session(self, transaction_id: int) -> Session:
        return Session.objects.get(transaction_id=transaction_id)

    def billed(self, session: Session) -> int:
        """The Wh on the bill, which must be those of the session."""
        bill: Bill = eventually(lambda: Bill.objects.filter(session=session).first())
        session.refresh_from_db()
        assert bill.wh == session.energy_wh
        return bill.wh

    def cases(self) -> list[str]:
        return sorted(Case.objects.filter(charger=self.charger).values_list("kind", flat=True))

    def finding(self, code: str) -> Finding:
        """It was noticed; the newest evidence is on record."""
        found: Finding = eventually(
            lambda: Finding.objects.filter(charger=self.charger, code=code).first()
        )
        return found

    def limit(self, connector: int = 1, **wish: Any) -> None:
        OcppDriver().limit(self.plug(connector), **wish)

    def ended(self, command: Command) -> Command:
        """The order with its outcome."""

        def look() -> Command | None:
            fresh = Command.objects.get(pk=command.pk)
            return fresh if fresh.status not in ("queued", "sent") else None

        found: Command = eventually(look)
        return found


def boot(vendor: str = "Test", model: str = "Bench", **more: str) -> dict[str, Any]:
    return {"chargePointVendor": vendor, "chargePointModel": model, **more}


def profile_of(payload: dict[str, Any]) -> tuple[str, int, str, str, float]:
    """Purpose, stack level, kind, unit and limit of a SetChargingProfile."""
    p = payload["csChargingProfiles"]
    schedule = p["chargingSchedule"]
    return (
        p["chargingProfilePurpose"],
        p["stackLevel"],
        p["chargingProfileKind"],
        schedule["chargingRateUnit"],
        schedule["chargingSchedulePeriod"][0]["limit"],
    )


def readings(point: Point, transaction: int | None, samples: list[dict[str, Any]], at: str) -> None:
    """A MeterValues with samples word for word."""
    payload: dict[str, Any] = {
        "connectorId": 1,
        "meterValue": [{"timestamp": at, "sampledValue": samples}],
    }
    if transaction is not None:
        payload["transactionId"] = transaction
    point.call("MeterValues", payload)


Check = Callable[[Stack], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the research: what a charger does, what we do, and the check of it."""

    number: int
    vendor: str
    does: str
    ours: str
    check: Check


ROWS: dict[int, Row] = {}


def row(number: int, vendor: str, does: str, ours: str) -> Callable[[Check], Check]:
    """Enter a check as a row of the table."""

    def enter(check: Check) -> Check:
        assert number not in ROWS, number
        ROWS[number] = Row(number, vendor, does, ours, check)
        return check

    return enter


__all__ = [
    "ENERGY",
    "ROWS",
    "Bench",
    "Charger",
    "Row",
    "ago",
    "boot",
    "now",
    "profile_of",
    "readings",
    "row",
]
