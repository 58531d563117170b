"""Campaigns as pages and the API read them."""

from collections.abc import Iterable

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from stations.models import Campaign, CampaignTarget, Charger, Protocol, TargetState


def within(campaigns: QuerySet[Campaign], stations: Iterable[int] | None) -> QuerySet[Campaign]:
    """Those that touch no charger outside ``stations`` (None: no such limit)."""
    if stations is None:
        return campaigns
    outside = CampaignTarget.objects.filter(campaign=OuterRef("pk")).exclude(
        charger__station__in=stations
    )
    return campaigns.exclude(Exists(outside))


def counted(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """With how many chargers are in each state (``n_waiting`` …) and in all (``n_all``)."""
    counts = {
        f"n_{state}": Count("targets", filter=Q(targets__state=state))
        for state in TargetState.values
    }
    return campaigns.select_related("firmware").annotate(n_all=Count("targets"), **counts)


def targets(campaign: Campaign) -> QuerySet[CampaignTarget]:
    """Its chargers with what each was told last."""
    return campaign.targets.select_related("charger__station", "command", "transfer")


def takers(chargers: QuerySet[Charger]) -> QuerySet[Charger]:
    """Those that a campaign can reach at all."""
    return chargers.filter(protocol=Protocol.OCPP16).select_related("station")
