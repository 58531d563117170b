from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        post_migrate.connect(seed_vat_rates, sender=self)


def seed_vat_rates(**kwargs: Any) -> None:
    """The first VAT rate, in an empty table: 7 % by yearly royal decrees since 1999.

    The statutory 10 % (Revenue Code s.80) has not been applied since. Whoever runs the product
    adds a row when a decree changes it.
    """
    from billing.models import VatRate

    if not VatRate.objects.exists():
        VatRate.objects.create(
            valid_from="1999-04-01",
            rate="0.07",
            source="Revenue Code s.80 and yearly royal decrees; look at the one after 30 Sep 2026",
        )
