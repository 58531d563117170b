"""Every plug of some stations with what it is doing: two queries, however many there are."""

from django.db.models import QuerySet

from stations.models import Connector
from stations.selectors import chargers
from stations.selectors.chargers import Plug


def plugs(connectors: QuerySet[Connector]) -> list[Plug]:
    """In the order of the panels: by station, then by the name on the sticker."""
    found = (
        connectors.filter(
            connector_id__gt=0,
            charger__deleted_at__isnull=True,
            charger__station__deleted_at__isnull=True,
        )
        .select_related("charger__station")
        .annotate(online=chargers.is_online("charger__connection_holder"))
        .order_by(
            "charger__station__sort_key",
            "charger__station_id",
            "charger__charge_point_id",
            "connector_id",
        )
    )
    return chargers.plugs(found)
