"""Typed functions that make things: ``a_charger(station=…)``. Each gives something that works as it is."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from billing.models import Tariff
from billing.services import wallets
from core.audit import SYSTEM
from core.models import Lease
from stations.models import (
    Charger,
    Connector,
    ConnectorStatus,
    Forward,
    MeterValue,
    Reservation,
    ReservationStatus,
    Session,
    SessionLive,
    Station,
)
from stations.services import links
from users import tax_ids
from users.models import Admin, Card, Company, Customer, Level, TaxEntity

_numbers = itertools.count(1)
PASSWORD = "correct horse battery"
CHARGER_PASSWORD = "0123456789abcdef0123"
PEAK_PRICE, OFF_PEAK_PRICE = Decimal("7.70"), Decimal("6.00")


def a_company(**fields: Any) -> Company:
    n = next(_numbers)
    return Company.objects.create(**{"name": f"Company {n}", "slug": f"company-{n}"} | fields)


def a_tax_id(n: int) -> str:
    """A thirteen-digit number whose last digit is right."""
    twelve = f"{105_000_000_000 + n:012d}"
    return twelve + str(tax_ids.check_digit(twelve))


def a_tax_entity(company: Company, *, vat: bool = True, **fields: Any) -> TaxEntity:
    n = next(_numbers)
    values: dict[str, Any] = {
        "name": f"Entity {n} Co., Ltd.",
        "tax_id": a_tax_id(n),
        "vat_registered_from": timezone.now().date() - timedelta(days=3650) if vat else None,
    }
    return TaxEntity.objects.create(company=company, **values | fields)


def an_admin(company: Company | None = None, level: str = Level.OWNER, **fields: Any) -> Admin:
    """An admin who signs in with ``PASSWORD``; platform staff have no company."""
    n = next(_numbers)
    home = None if level == Level.PLATFORM else (company or a_company())
    admin = Admin(
        **{"company": home, "username": f"admin{n}", "name": f"Admin {n}", "level": level} | fields
    )
    admin.set_password(PASSWORD)
    admin.save()
    return admin


def a_station(company: Company | None = None, *, priced: bool = True, **fields: Any) -> Station:
    """A station with a VAT-registered entity and, unless told otherwise, a TOU price for everybody."""
    n = next(_numbers)
    company = company or a_company()
    values: dict[str, Any] = {"name": f"Station {n}", "name_th": f"สถานี {n}"}
    if "tax_entity" not in fields:
        values["tax_entity"] = a_tax_entity(company)
    station = Station.objects.create(company=company, **values | fields)
    if priced:
        a_tariff(station)
    return station


def a_tariff(
    station: Station,
    level: str = "guest",
    *,
    on_peak: Decimal | str = PEAK_PRICE,
    off_peak: Decimal | str = OFF_PEAK_PRICE,
    anytime: Decimal | str | None = None,
    more: list[dict[str, str]] | None = None,
    terms: dict[str, Any] | None = None,
    valid_from: datetime | None = None,
) -> Tariff:
    """A price list in force since a month ago, so that sessions in the past have a price."""
    prices = {"on_peak": on_peak, "off_peak": off_peak} if anytime is None else {"any": anytime}
    elements = [
        *({"part": "energy", "period": each, "price": str(prices[each])} for each in prices),
        *(more or []),
    ]
    return Tariff.objects.create(
        company=station.company,
        station=station,
        level=level,
        version=Tariff.objects.filter(station=station, level=level).count() + 1,
        valid_from=valid_from or timezone.now() - timedelta(days=30),
        elements=elements,
        terms=terms or {},
        created_by="factory",
    )


def a_charger(
    station: Station | None = None, *, connectors: int = 1, online: bool = False, **fields: Any
) -> Charger:
    """A charger that connects with ``CHARGER_PASSWORD``. ``online``: as if a living process held its line."""
    n = next(_numbers)
    station = station or a_station()
    charger = Charger.objects.create(station=station, **{"charge_point_id": f"CP-{n:04d}"} | fields)
    links.set_password(charger, CHARGER_PASSWORD)
    for number in range(1, connectors + 1):
        a_connector(charger, number)
    if online:
        go_online(charger)
    return charger


def a_forward(charger: Charger, **fields: Any) -> Forward:
    """Copies to a second central system that nobody runs."""
    values = {"url": "wss://central.example/ocpp", "identity": charger.charge_point_id}
    return Forward.objects.create(charger=charger, **values | fields)


def a_connector(charger: Charger, number: int = 1, **fields: Any) -> Connector:
    values: dict[str, Any] = {
        "status": ConnectorStatus.AVAILABLE,
        "kind": "Type 2",
        "max_power_w": 22_000,
    }
    return Connector.objects.create(charger=charger, connector_id=number, **values | fields)


def go_online(charger: Charger) -> None:
    now = timezone.now()
    Lease.objects.update_or_create(
        name="sockets_test",
        defaults={"holder": "sockets_test", "expires_at": now + timedelta(hours=1)},
    )
    Charger.objects.filter(pk=charger.pk).update(
        connection_holder="sockets_test", connection_epoch=1, connected_at=now, last_seen_at=now
    )
    charger.refresh_from_db()


def a_customer(company: Company, *, balance: int = 0, **fields: Any) -> Customer:
    """A member; ``balance`` in satang is topped up."""
    n = next(_numbers)
    customer = Customer.objects.create(
        company=company, **{"name": f"Customer {n}", "phone": f"+6681{n:07d}"} | fields
    )
    if balance:
        wallets.top_up(customer, balance, key=f"factory-{n}", reason="opening", actor=SYSTEM)
    return customer


def a_card(customer: Customer, id_tag: str = "", **fields: Any) -> Card:
    n = next(_numbers)
    return Card.objects.create(
        company=customer.company, customer=customer, id_tag=id_tag or f"TAG{n:05d}", **fields
    )


def a_session(
    connector: Connector | None = None,
    *,
    customer: Customer | None = None,
    started_at: datetime | None = None,
    wh: int = 0,
    power_w: int | None = 7_000,
    **fields: Any,
) -> Session:
    """A running session that has drawn ``wh`` evenly until now, with readings every minute."""
    n = next(_numbers)
    connector = connector or a_charger(online=True).connectors.get(connector_id=1)
    station = connector.charger.station
    now = timezone.now()
    start = started_at or now - timedelta(minutes=30)
    values: dict[str, Any] = {
        "company": station.company,
        "station": station,
        "charger": connector.charger,
        "connector": connector,
        "customer": customer,
        "level": customer.level if customer else "guest",
        "transaction_id": 500_000 + n,
        "start_key": f"factory-{n}",
        "id_tag": f"TAG{n:05d}",
        "started_at": start,
        "meter_start": 10_000,
    }
    session = Session.objects.create(**values | fields)
    SessionLive.objects.create(
        session=session,
        energy_wh=wh,
        register_wh=10_000 + wh,
        power_w=power_w,
        at=now,
        received_at=now,
    )
    minutes = max(int((now - start).total_seconds() // 60), 1)
    MeterValue.objects.bulk_create(
        MeterValue(
            connector=connector,
            session=session,
            at=start + timedelta(minutes=m),
            device_at=start + timedelta(minutes=m),
            received_at=start + timedelta(minutes=m),
            register_wh=10_000 + wh * m // minutes,
            power_w=power_w,
            samples=[],
        )
        for m in range(1, minutes + 1)
    )
    return session


def a_reservation(
    connector: Connector, card: Card | None = None, *, minutes: int = 15, **fields: Any
) -> Reservation:
    """One that the charger has confirmed."""
    n = next(_numbers)
    card = card or a_card(a_customer(connector.charger.station.company))
    now = timezone.now()
    values: dict[str, Any] = {
        "number": 10_000 + n,
        "charger": connector.charger,
        "connector": connector,
        "card": card,
        "customer": card.customer,
        "id_tag": card.id_tag,
        "parent_id_tag": card.parent_id_tag,
        "made_by": "admin Factory",
        "status": ReservationStatus.RESERVED,
        "reserved_at": now,
        "made_at": now,
        "expires_at": now + timedelta(minutes=minutes),
    }
    return Reservation.objects.create(**values | fields)
