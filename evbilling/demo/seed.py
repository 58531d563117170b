"""Makes the demo's companies exist. Run again it changes nothing that a person has changed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.models import Tariff
from billing.services import holidays, wallets
from core.audit import SYSTEM
from evbilling.demo import history
from evbilling.demo.content import COMPANIES, PASSWORD, DemoCompany, DemoStation, Person
from stations.models import Charger, Connector, Station
from stations.selectors.configuration import built_in
from stations.services import commissioning, links, templates
from users.models import Admin, Card, Company, Customer, TaxEntity

FLEET = settings.BASE_FOLDER / "simulators" / "scenarios" / "demo.json"
OPENED = timedelta(days=40)


def seed() -> None:
    """Companies, people, prices, chargers, a fortnight of charges; then the simulator's fleet file."""
    fleet = json.loads(FLEET.read_text())
    for content in COMPANIES:
        if not Company.objects.filter(slug=content.slug).exists():
            with transaction.atomic():
                _make(content, fleet)
    if not Admin.objects.filter(username="platform").exists():
        _admin(None, "platform", "ผู้ดูแลระบบกลาง", "platform")
    _write_fleet(fleet)


def _make(content: DemoCompany, fleet: dict[str, Any]) -> None:
    company = Company.objects.create(slug=content.slug, name=content.name, name_th=content.name_th)
    entity = TaxEntity.objects.create(
        company=company,
        name=content.entity,
        tax_id=content.tax_id,
        address=content.stations[0].address,
        vat_registered_from=(timezone.now() - timedelta(days=2000)).date(),
    )
    year = timezone.now().year
    holidays.seed(company, range(year, year + 2))
    for username, name, level in content.admins:
        _admin(company, username, name, level)
    for person in content.people:
        _customer(company, person)
    # The demo's meters speak more often than a real site's: something moves while one looks.
    lively = {**built_in(), "MeterValueSampleInterval": "10"}
    templates.create(company, "Demo", lively, is_default=True, actor=SYSTEM)
    for station in content.stations:
        _station(company, entity, station, fleet)
    history.make(company)


def _admin(company: Company | None, username: str, name: str, level: str) -> None:
    admin = Admin(company=company, username=username, name=name, level=level)
    admin.set_password(PASSWORD)
    admin.save()


def _customer(company: Company, person: Person) -> None:
    customer = Customer.objects.create(
        company=company,
        name=person.name,
        phone=person.phone,
        level=person.level,
        billing_mode=person.mode,
        credit_limit=person.credit * 100,
    )
    Card.objects.create(company=company, customer=customer, id_tag=person.card)
    # A fortnight of charges is paid from it before the demo begins.
    opening = (person.balance + 2_500) * 100
    if person.mode == "prepaid":
        wallets.top_up(
            customer,
            opening,
            key=f"demo-{person.card}",
            reason="เติมเงินครั้งแรก",
            actor=SYSTEM,
            at=timezone.now() - OPENED,
        )


def _station(
    company: Company, entity: TaxEntity, content: DemoStation, fleet: dict[str, Any]
) -> None:
    station = Station.objects.create(
        company=company,
        tax_entity=entity,
        name=content.name,
        name_th=content.name_th,
        address=content.address,
        utility_meter_number=content.meter,
        voltage_level="12-24 kV",
        contracted_kw=content.contracted_kw,
        tap_mode=content.tap_mode,
    )
    for level, prices in content.prices.items():
        Tariff.objects.create(
            company=company,
            station=station,
            level=level,
            version=1,
            valid_from=timezone.now() - OPENED,
            elements=[
                {"part": part, "period": period, "price": price} for part, period, price in prices
            ],
            created_by="demo",
        )
    known = {entry["id"]: entry for entry in fleet["chargers"]}
    for charge_point_id, place in content.chargers.items():
        _charger(station, charge_point_id, place, known[charge_point_id])


def _charger(station: Station, charge_point_id: str, place: str, entry: dict[str, Any]) -> None:
    charger = Charger.objects.create(
        station=station,
        charge_point_id=charge_point_id,
        name=charge_point_id,
        place=place,
        vendor=entry.get("vendor", ""),
        model=entry.get("model", ""),
        serial_number=entry.get("serial", ""),
    )
    for number in range(1, entry.get("connectors", 1) + 1):
        Connector.objects.create(
            charger=charger,
            connector_id=number,
            kind="CCS2" if entry.get("kind") == "DC" else "Type 2",
            max_power_w=int(entry["power_w"]),
            status="Available",
        )
    commissioning.prepare(charger, by="demo")


def _write_fleet(fleet: dict[str, Any]) -> None:
    """Give each simulated charger a password of its own, made now and kept only as HMAC."""
    for entry in fleet["chargers"]:
        charger = Charger.objects.filter(charge_point_id=entry["id"]).first()
        if charger is not None:
            entry["password"] = links.new_password()
            links.set_password(charger, entry["password"])
    folder: Path = settings.DATA_DIR / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "fleet.json"
    target.touch(mode=0o600)
    target.write_text(json.dumps(fleet, ensure_ascii=False, indent=1))
    logins = [
        f"{settings.PUBLIC_URL}/  {username} / {PASSWORD}  ({level}, {content.name})"
        for content in COMPANIES
        for username, _, level in content.admins
    ]
    plug = Connector.objects.filter(charger__charge_point_id="SJ-01", connector_id=2).first()
    if plug is not None:
        logins.append(
            f"{settings.PUBLIC_URL}/c/{plug.code}  the page behind the QR code on SJ-01, plug 2"
        )
    if settings.LINE_ACCESS_URL.startswith("http://127.0.0.1:"):
        logins.append(f"{settings.LINE_ACCESS_URL}/  the phones that get LINE messages (simulated)")
    logins.append(f"{settings.PUBLIC_URL}/  platform / {PASSWORD}  (staff above all companies)")
    (folder / "logins.json").write_text(json.dumps(logins, ensure_ascii=False))
