"""Whether the product can work now, and its numbers for Prometheus."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from core.models import Delivery, Lease
from stations.models import Case, Charger, Command, Connector, Session, SessionStatus
from stations.models.command import OPEN
from users.services import codes

METRICS_TYPE = CONTENT_TYPE_LATEST
REDIS_PATIENCE_S = 1.0
LEDGER_WRONG = "ledger_wrong"  # in the cache: how many rows the last proof found wrong
OLDEST_DUE = timedelta(seconds=30)  # deliveries are due at once; older, nobody is delivering

Check = dict[str, Any]


def checks() -> dict[str, Check]:
    """Each part with ``ok`` and, where it is not, why. One that fails does not hide the others."""
    parts: dict[str, Callable[[], Check]] = {
        "database": _database,
        "redis": _redis,
        "outbox": _outbox,
        "sockets": _sockets,
    }
    return {name: _safely(part) for name, part in parts.items()}


def outbox_age() -> timedelta:
    """How long the oldest delivery that is due has waited; those that raised the alarm aside."""
    oldest = Delivery.objects.filter(
        due__lte=timezone.now(), attempts__lt=Delivery.ALARM_AFTER
    ).aggregate(at=Min("due"))["at"]
    return timezone.now() - oldest if oldest else timedelta()


def _safely(part: Callable[[], Check]) -> Check:
    try:
        return part()
    except Exception as error:  # whatever is wrong with it, this part does not work
        return {"ok": False, "why": type(error).__name__}


def _database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"ok": True}


def _redis() -> Check:
    link = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=REDIS_PATIENCE_S,
        socket_connect_timeout=REDIS_PATIENCE_S,
    )
    try:
        link.ping()
    finally:
        link.close()
    return {"ok": True}


def _outbox() -> Check:
    age = outbox_age()
    return {"ok": age <= OLDEST_DUE, "oldest_due_s": round(age.total_seconds(), 1)}


def _sockets() -> Check:
    """A process that serves chargers holds its lease."""
    holding = Lease.objects.filter(name__startswith="sockets_", expires_at__gt=timezone.now())
    count = holding.count()
    return {"ok": count > 0, "processes": count}


class Numbers(Collector):
    """Read from the database when asked: the same whichever process answers."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        online = Charger.objects.exclude(connection_holder="").count()
        chargers = GaugeMetricFamily("evbilling_chargers", "Chargers by link", labels=["link"])
        chargers.add_metric(["online"], online)
        chargers.add_metric(["offline"], Charger.objects.count() - online)
        yield chargers
        plugs = GaugeMetricFamily("evbilling_connectors", "Connectors by status", labels=["status"])
        found = Connector.objects.filter(connector_id__gt=0, charger__deleted_at__isnull=True)
        for status, count in found.values_list("status").annotate(n=Count("pk")).order_by("status"):
            plugs.add_metric([status], count)
        yield plugs
        yield _gauge("sessions_active", "Charges under way", _active())
        yield _gauge("outbox_oldest_due_seconds", "Wait", outbox_age().total_seconds())
        yield _gauge("outbox_alarms", "Deliveries that gave up", _alarms())
        yield _gauge("commands_open", "Orders without an end", _commands())
        yield _gauge("cases_open", "Cases without an end", _cases())
        yield _gauge("one_time_codes_day", "Codes asked for in 24 hours", codes.used_today())
        yield _gauge("one_time_codes_most", "Codes that may be asked for", settings.SMS_PER_DAY)
        if (wrong := cache.get(LEDGER_WRONG)) is not None:
            yield _gauge("ledger_wrong", "Rows that the last proof of the ledger refused", wrong)


def metrics() -> bytes:
    registry = CollectorRegistry()
    registry.register(Numbers())
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"evbilling_{name}", text, value=value)


def _active() -> int:
    return Session.objects.filter(status=SessionStatus.ACTIVE, refusal="").count()


def _alarms() -> int:
    return Delivery.objects.filter(due__isnull=False, attempts__gte=Delivery.ALARM_AFTER).count()


def _commands() -> int:
    return Command.objects.filter(status__in=OPEN).count()


def _cases() -> int:
    return Case.objects.filter(resolved_at__isnull=True).count()
