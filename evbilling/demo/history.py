"""A fortnight of believable charges, so that the first look at the demo is not at empty pages."""

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from billing.services import bills, documents
from core.models import Fact
from stations.models import Connector, MeterValue, Session, SessionLive, SessionStatus
from users.models import Card, Company

DAYS = 15
READ_EVERY = timedelta(minutes=5)
# Share of a day's charges that begin in each hour: mornings, lunch, and after work.
HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 9, 8, 8, 9, 10, 8, 7, 7, 8, 10, 11, 9, 7, 5, 3, 2)


def make(company: Company, seed: int = 2569) -> int:
    """Charges of the last fortnight at the company's plugs, each billed. Returns how many."""
    choice = random.Random(f"{seed}-{company.slug}")  # noqa: S311 (a demo, not a secret)
    plugs = list(
        Connector.objects.select_related("charger__station__company").filter(
            charger__station__company=company, connector_id__gt=0
        )
    )
    cards = list(Card.objects.select_related("customer").filter(company=company))
    registers = {plug.pk: choice.randrange(2_000_000, 40_000_000) for plug in plugs}
    made = 0
    for start in _starts(choice, len(plugs)):
        plug, card = choice.choice(plugs), choice.choice(cards)
        registers[plug.pk] += _charge(choice, plug, card, start, registers[plug.pk])
        made += 1
    return made


def _starts(choice: random.Random, plugs: int) -> list[datetime]:
    now = timezone.now()
    midnight = now.astimezone(ZoneInfo(settings.LOCAL_ZONE)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    found = []
    for back in range(DAYS):
        for _ in range(int(plugs * choice.uniform(1.1, 1.7))):
            hour = choice.choices(range(24), HOURS)[0]
            found.append(
                midnight
                - timedelta(days=back)
                + timedelta(hours=hour, minutes=choice.uniform(0, 60))
            )
    return sorted(start for start in found if start < now - timedelta(hours=2))


def _charge(
    choice: random.Random, plug: Connector, card: Card, start: datetime, register: int
) -> int:
    """One charge; the Wh it drew."""
    watts = int(
        min(plug.max_power_w, choice.choice((7_200, 11_000, 22_000, 48_000)))
        * choice.uniform(0.85, 0.98)
    )
    minutes = choice.randrange(12, 95 if watts < 15_000 else 45)
    end = start + timedelta(minutes=minutes)
    wh = watts * minutes // 60
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval('stations_transaction_id')")
            number = cursor.fetchone()[0]
        session = _session(plug, card, start, end, register, wh, number)
        steps = minutes * 60 // int(READ_EVERY.total_seconds())
        MeterValue.objects.bulk_create(
            MeterValue(
                connector=plug,
                session=session,
                at=start + READ_EVERY * n,
                device_at=start + READ_EVERY * n,
                received_at=start + READ_EVERY * n,
                register_wh=register + wh * n * 5 // minutes,
                power_w=watts,
                samples=[],
            )
            for n in range(1, steps + 1)
        )
        bills.bill_session(session, at=end)
        documents.issue_for_session(session, at=end)
        _told_then(session, end)
    return wh


def _told_then(session: Session, at: datetime) -> None:
    """Timelines show when it was, not when the demo was made."""
    topic = f"charger:{session.charger_id}"
    Fact.objects.filter(topic=topic, at__gt=at, data__session=session.pk).update(at=at)


def _session(
    plug: Connector, card: Card, start: datetime, end: datetime, register: int, wh: int, number: int
) -> Session:
    station = plug.charger.station
    session = Session.objects.create(
        company=station.company,
        station=station,
        charger=plug.charger,
        connector=plug,
        card=card,
        customer=card.customer,
        level=card.customer.level if card.customer else "guest",
        status=SessionStatus.ENDED,
        transaction_id=number,
        start_key=f"demo-{number}",
        id_tag=card.id_tag,
        started_at=start,
        started_device_at=start,
        started_received_at=start,
        stopped_at=end,
        stopped_device_at=end,
        stopped_received_at=end,
        meter_start=register,
        meter_stop=register + wh,
        energy_wh=wh,
        stop_reason="EVDisconnected",
    )
    SessionLive.objects.create(
        session=session, energy_wh=wh, register_wh=register + wh, power_w=0, at=end, received_at=end
    )
    return session
