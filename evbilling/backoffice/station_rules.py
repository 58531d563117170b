"""A station's rules for reservations, and for what its chargers may decide while they are offline."""

from decimal import Decimal

from django import forms
from django.utils.translation import gettext_lazy as _

from billing.money import to_baht, to_satang
from evbilling.forms import Form
from stations.models import Station
from stations.services import sites


class RulesForm(Form):
    """Minutes, and baht lent to a prepaid card offline."""

    customers_reserve = forms.BooleanField(
        label=_("Customers may reserve on the connector’s page"), required=False
    )
    max_reservation_min = forms.IntegerField(
        label=_("Longest reservation by a customer, minutes"), min_value=1, max_value=240
    )
    local_lists = forms.BooleanField(
        label=_("Chargers know cards by themselves while they are offline"), required=False
    )
    offline_credit = forms.DecimalField(
        label=_("Lent to a prepaid card offline, ฿"),
        min_value=Decimal(0),
        max_value=Decimal(sites.MOST_OFFLINE_CREDIT // 100),
        decimal_places=2,
        help_text=_("0: prepaid cards cannot start a charge while the charger is offline."),
    )


def rules_of(station: Station) -> RulesForm:
    return RulesForm(
        initial={
            "customers_reserve": station.customers_reserve,
            "max_reservation_min": station.max_reservation_min,
            "local_lists": station.local_lists,
            "offline_credit": f"{to_baht(station.offline_credit):.2f}",
        }
    )


def fields_of(form: RulesForm) -> sites.StationFields:
    """What a valid form says, money in satang."""
    values = form.cleaned_data
    credit = to_satang(values["offline_credit"])
    return sites.StationFields(
        customers_reserve=values["customers_reserve"],
        max_reservation_min=values["max_reservation_min"],
        local_lists=values["local_lists"],
        offline_credit=credit,
    )
