"""Files of chargers as pages and the API read them."""

from django.db.models import Prefetch, QuerySet

from stations.models import Charger, Transfer, TransferReport, Upload

MOST = 30


def with_all(transfers: QuerySet[Transfer]) -> QuerySet[Transfer]:
    """With what the charger said of each, what it fetched and what it sent: four queries."""
    return transfers.select_related("charger__station", "firmware", "command").prefetch_related(
        "reports",
        "downloads",
        Prefetch("uploads", queryset=Upload.objects.order_by("id")),
    )


def of_charger(charger: Charger) -> list[Transfer]:
    """The last ones, newest first."""
    return list(with_all(charger.transfers.all()).order_by("-id")[:MOST])


def unasked(charger: Charger) -> list[TransferReport]:
    """What it said of files that nobody here asked for, newest first."""
    found = charger.transfer_reports.filter(transfer__isnull=True).exclude(status="Idle")
    return list(found.order_by("-at", "-id")[:10])
