"""What chargers say of themselves and their plugs: BootNotification, StatusNotification."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from core import outbox
from core.bulk import update_rows
from core.outbox import News
from stations.models import Charger, Connector, ConnectorStatus

MAX_CONNECTORS = 64  # a charger that claims more is talking nonsense
_STATUS_COLUMNS = (
    ("id", "bigint"),
    ("status", "text"),
    ("error_code", "text"),
    ("info", "text"),
    ("vendor_error_code", "text"),
    ("status_at", "timestamptz"),
    ("status_device_at", "timestamptz"),
)
_BOOT_COLUMNS = (
    ("id", "bigint"),
    ("vendor", "text"),
    ("model", "text"),
    ("serial_number", "text"),
    ("firmware_version", "text"),
    ("boot_info", "jsonb"),
    ("booted_at", "timestamptz"),
)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One StatusNotification. ``connector_id`` 0 is the charger as a whole."""

    charger_id: int
    connector_id: int
    status: str
    error_code: str
    info: str
    vendor_error_code: str
    received_at: datetime
    device_at: datetime | None


@dataclass(frozen=True, slots=True)
class BootReport:
    """One BootNotification."""

    charger_id: int
    vendor: str
    model: str
    serial_number: str
    firmware_version: str
    everything: dict[str, Any]
    received_at: datetime


def lock_connector(charger: Charger, connector_id: int) -> Connector:
    """The connector row, locked; a plug we had not heard of is made (its charger says it is there)."""
    Connector.objects.get_or_create(charger=charger, connector_id=connector_id)
    return Connector.objects.select_for_update().get(charger=charger, connector_id=connector_id)


def record_statuses(reports: Sequence[StatusReport]) -> None:
    """Write status reports of many chargers in one go, inside the caller's transaction.

    One charger's reports come one after the other; different chargers' rows are locked in id
    order, so that two batches cannot deadlock (SteVe #2107).
    """
    latest = {(r.charger_id, r.connector_id): r for r in reports}
    rows = _connectors_for(list(latest))
    news: list[News] = []
    changes: list[tuple[Any, ...]] = []
    for row in rows:
        report = latest[(row.charger_id, row.connector_id)]
        if row.status != report.status or row.error_code != report.error_code:
            news.append(_news(row, report))
            if report.status == ConnectorStatus.PREPARING and row.status != report.status:
                news.append(_plugged_in(row))
            row.status_at = report.received_at
        changes.append(
            (
                row.pk,
                report.status,
                report.error_code[:40],
                report.info[:120],
                report.vendor_error_code[:60],
                row.status_at,
                report.device_at,
            )
        )
    update_rows("stations_connector", _STATUS_COLUMNS, changes)
    outbox.publish_many(news)


def _connectors_for(keys: list[tuple[int, int]]) -> list[Connector]:
    chargers = {charger for charger, _ in keys}
    wanted = set(keys)

    def load() -> list[Connector]:
        found = Connector.objects.select_related("charger__station").filter(
            charger_id__in=chargers, connector_id__in={n for _, n in keys}
        )
        return [row for row in found if (row.charger_id, row.connector_id) in wanted]

    rows = load()
    missing = wanted - {(row.charger_id, row.connector_id) for row in rows}
    if missing:
        Connector.objects.bulk_create(
            [Connector(charger_id=c, connector_id=n) for c, n in sorted(missing)],
            ignore_conflicts=True,
        )
        rows = load()
    return rows


def _news(row: Connector, report: StatusReport) -> News:
    station = row.charger.station
    return News(
        "connector_changed",
        row.pk,
        station.company_id,
        f"charger:{row.charger_id}",
        {
            "station": station.pk,
            "charger": row.charger_id,
            "connector": row.pk,
            "number": row.connector_id,
            "status": report.status,
            "error": report.error_code,
        },
    )


def _plugged_in(row: Connector) -> News:
    """Of its own kind, so that only a plug-in, not every change, wakes who waits for one."""
    station = row.charger.station
    return News("plugged_in", row.pk, station.company_id, "", {"charger": row.charger_id})


def record_boots(reports: Sequence[BootReport]) -> None:
    """Write boot reports of many chargers in one go, inside the caller's transaction."""
    latest = {r.charger_id: r for r in reports}
    rows = Charger.objects.select_related("station").filter(pk__in=latest).order_by("pk")
    update_rows("stations_charger", _BOOT_COLUMNS, [_boot_row(row, latest[row.pk]) for row in rows])
    news = [
        News(
            "charger_booted",
            row.pk,
            row.station.company_id,
            f"charger:{row.pk}",
            {"station": row.station_id, "charger": row.pk},
        )
        for row in rows
    ]
    if news:
        # One to be acted on for all of them: after a power cut thousands boot in the same second.
        ids = [row.pk for row in rows]
        news.append(News("chargers_booted", ids[0], None, "", {"chargers": ids}))
    outbox.publish_many(news)


def _boot_row(row: Charger, report: BootReport) -> tuple[Any, ...]:
    return (
        row.pk,
        report.vendor[:80],
        report.model[:80],
        report.serial_number[:80] or row.serial_number,
        report.firmware_version[:80],
        orjson.dumps(report.everything).decode(),
        report.received_at,
    )


def is_known_status(word: str) -> bool:
    return word in ConnectorStatus.values


def offline_since(charger: Charger) -> datetime:
    """Since when a charger that is away has been away."""
    return charger.disconnected_at or charger.last_seen_at or charger.created_at
