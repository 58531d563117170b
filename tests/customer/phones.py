"""A phone at a plug, and what the charger says meanwhile, without a network."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from html import unescape
from typing import Any

from django.test import Client
from django.utils import timezone

from billing.services import allowance
from core import outbox
from core.models import AuditEntry
from stations.clock import Claim, Clock
from stations.models import Connector, MeterValue, Session, SessionLive, Visit
from stations.services import authorising, starting, stopping
from stations.services.authorising import TagInfo
from tests.factories import a_card, a_charger, a_connector, a_customer, a_station
from users.models import Card

RICH = 100_000  # satang


class Seen(str):
    """The words on a page, without markup and scripts; with them the page itself and its stage."""

    html: str
    stage: str

    def __new__(cls, response: Any) -> "Seen":
        html = response.content.decode()
        text = re.sub(r"<script.*?</script>", " ", html, flags=re.DOTALL)
        seen = super().__new__(cls, " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split()))
        seen.html = html
        stage = re.search(r'data-key="(\w+):', html)
        seen.stage = stage[1] if stage else ""
        return seen


_HANDLER = Client().handler  # its middleware is loaded once for all phones


class Phone:
    """A browser with its cookies, looking at one plug."""

    def __init__(self, connector: Connector, *, language: str = "en") -> None:
        self.connector = connector
        self.client = Client()
        self.client.handler = _HANDLER
        self.client.cookies["lang"] = language

    @property
    def home(self) -> str:
        return f"/c/{self.connector.code}"

    def get(self, path: str = "", **more: Any) -> Any:
        return self.client.get(f"{self.home}{path}", **more)

    def see(self, path: str = "") -> Seen:
        return Seen(self.get(path))

    def post(self, act: str, **form: Any) -> Any:
        return self.client.post(f"{self.home}/{act}", form)

    @property
    def stage(self) -> str:
        return self.see().stage


def a_plug(**station: Any) -> Connector:
    """A free plug of a charger that is online."""
    return a_charger(a_station(**station), online=True).connectors.get()


def a_member(connector: Connector, balance: int = RICH, id_tag: str = "", **fields: Any) -> Card:
    """A card of somebody with money at the plug's company."""
    company = connector.charger.station.company
    return a_card(a_customer(company, balance=balance, **fields), id_tag)


def tap(connector: Connector, card: Card) -> TagInfo:
    """The card at the reader: the answer to Authorize."""
    return authorising.authorise(connector.charger_id, card.id_tag)


def start(connector: Connector, card: Card, at: datetime | None = None) -> starting.Started:
    """The charger begins: StartTransaction."""
    now = at or timezone.now()
    return starting.start_session(
        connector.charger_id,
        starting.Start(
            connector.connector_id,
            card.id_tag,
            1_000,
            now.isoformat(),
            Claim(now, now, Clock.DEVICE),
            now,
        ),
    )


def plug_in(connector: Connector, status: str = "Preparing") -> None:
    Connector.objects.filter(pk=connector.pk).update(status=status)


def tapped_and_started(connector: Connector, card: Card) -> Session:
    """Tap starts: Authorize, StartTransaction, Charging."""
    assert tap(connector, card).status == "Accepted"
    session = start(connector, card).session
    plug_in(connector, "Charging")
    return session


def reads(session: Session, wh: int, *, power_w: int = 7_000, soc: int | None = None) -> None:
    """A reading comes in now."""
    now = timezone.now()
    MeterValue.objects.create(
        connector=session.connector,
        session=session,
        at=now,
        device_at=now,
        received_at=now,
        register_wh=session.meter_start + wh,
        power_w=power_w,
        soc=soc,
        samples=[],
    )
    SessionLive.objects.filter(session=session).update(
        energy_wh=wh,
        register_wh=session.meter_start + wh,
        power_w=power_w,
        soc=soc,
        at=now,
        received_at=now,
    )


def stops(session: Session, wh: int, after: timedelta = timedelta(seconds=1)) -> Session:
    """StopTransaction, and the bill by the deliverer."""
    now = timezone.now() + after
    stopping.stop_session(
        session.charger_id,
        stopping.Stop(
            session.transaction_id,
            session.meter_start + wh,
            now.isoformat(),
            Claim(now, now, Clock.DEVICE),
            now,
        ),
    )
    plug_in(session.connector, "Finishing")
    deliver()
    session.refresh_from_db()
    return session


def deliver() -> None:
    while outbox.deliver_one():
        pass


def refused(action: str) -> int:
    """How often something was refused and put on record."""
    return AuditEntry.objects.filter(action=action, refused=True).count()


def every_stage(visitor: str) -> Iterator[tuple[str, Any]]:
    """Each kind of page as a plug at which this phone meets it."""
    station = a_station(
        name="Sukjai Market Bangna", name_th="ตลาดสุขใจ บางนา", customers_reserve=True
    )
    charger = a_charger(
        station, connectors=0, online=True, name="SJ-01", place="ชั้น G โซน B ช่องจอด 14"
    )
    plugs = [a_connector(charger, n, kind="CCS2", max_power_w=60_000) for n in range(1, 8)]
    waits, asks, rides, done, busy, fault = plugs[1:]
    holder = a_customer(station.company, balance=1_000_000, name="พิมพ์ชนก ศรีสุข")
    card = a_card(holder, max_active_sessions=None)
    until = timezone.now() + timedelta(minutes=3)
    for plug in (waits, asks, rides, done):
        Visit.objects.create(visitor=visitor, connector=plug, waiting_until=until)
    for plug in (asks, rides, done, busy):
        session = tapped_and_started(plug, card)
        reads(session, 3_400, power_w=46_300, soc=47)
        if plug in (rides, done):
            allowance.choose(session, wh=20_000, satang=None)
        if plug is done:
            stops(session, 9_000)
    plug_in(fault, "Faulted")
    away = a_connector(a_charger(station, connectors=0, name="BCP-04"), 1)
    names = ("free", "tap", "ask", "live", "receipt", "busy", "fault", "offline")
    yield from zip(names, (*plugs, away), strict=True)
