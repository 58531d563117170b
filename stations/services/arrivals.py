"""A charger has booted: what waits for that moment has its turn."""

from core.models import Fact
from stations.models import Charger
from stations.services import certificates, upgrades


def on_charger_booted(fact: Fact) -> None:
    """One delivery for everything that a boot wakes: after a power cut thousands boot at once."""
    charger = Charger.objects.select_related("station").get(pk=fact.subject_id)
    certificates.on_booted(charger)
    upgrades.on_booted(charger)
