"""What an admin fills in before MEA's acceptance test. The rules are the service's."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from evbilling.backoffice.gate import AdminRequest, rows
from evbilling.forms import Form
from meaoscp.selectors import acceptance as selectors
from meaoscp.services.acceptance_runs import Wish
from stations.models import Charger, Connector
from users.models import Card
from users.models.customer import card_key

RESERVATIONS = ((60, _("1 minute")), (120, _("2 minutes")), (300, _("5 minutes")))
AC_LIMIT, DC_LIMIT = Decimal(10), Decimal(10_000)
CARD_LIST = {"list": "rfid-cards", "autocomplete": "off", "spellcheck": "false"}


def _text(label: Any, most: int, *, required: bool = False, **more: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=most, required=required, **more)


class AcceptanceForm(Form):
    """Cards are typed or chosen by their idTag; ``limit`` is in A on AC, in W on DC."""

    project = _text(_("Project (โครงการ)"), 120, required=True)
    brand_model = _text(_("Brand and model"), 120, required=True)
    tested_by = _text(_("Tested by"), 80, required=True)
    witness_1 = _text(_("Witnessed by"), 80)
    witness_2 = _text(_("Witnessed by (second)"), 80)
    witness_3 = _text(_("Witnessed by (third)"), 80)
    connectors = forms.TypedMultipleChoiceField(
        label=_("Connectors to test"), coerce=int, widget=forms.CheckboxSelectMultiple
    )
    direct = forms.ChoiceField(
        label=_("AC or DC"), choices=(("ac", "AC"), ("dc", "DC")), widget=forms.Select
    )
    limit = forms.DecimalField(
        label=_("Limit to order in tests 9 to 11"),
        decimal_places=1,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=_("A per phase on AC, W on DC. Choose less than the car draws."),
    )
    card = _text(
        _("Good card (idTag)"),
        20,
        required=True,
        widget=forms.TextInput(attrs=CARD_LIST),
        help_text=_("The charges of the test are billed to its customer like any other."),
    )
    invalid_id_tag = _text(
        _("Unknown card (idTag)"),
        20,
        help_text=_("Leave it empty to take any card that is not known here."),
    )
    stop_card = _text(
        _("Second card (idTag)"),
        20,
        widget=forms.TextInput(attrs=CARD_LIST),
        help_text=_(
            "Only for chargers that end a charge without asking about the card that began it: "
            "another card of the same group (parent idTag)."
        ),
    )
    reservation_seconds = forms.TypedChoiceField(
        label=_("Reservation of test 7 runs out after"), coerce=int, choices=RESERVATIONS
    )

    def __init__(
        self, request: AdminRequest, charger: Charger, plugs: list[Connector], **kwargs: Any
    ) -> None:
        self.request, self.charger = request, charger
        super().__init__(**kwargs)
        choices: Any = self.fields["connectors"]
        choices.choices = [(p.connector_id, f"{p.connector_id} · {p.kind or '–'}") for p in plugs]
        choices.widget.attrs["class"] = "form-check-input"

    def wish(self) -> Wish:
        """The form as the service takes it. ``DomainError`` names the card that does not exist."""
        given = self.cleaned_data
        return Wish(
            card=self._card("card"),
            stop_card=self._card("stop_card"),
            connectors=given["connectors"],
            direct=given["direct"] == "dc",
            limit=given["limit"],
            project=given["project"],
            brand_model=given["brand_model"],
            tested_by=given["tested_by"],
            witnesses=[given[f"witness_{n}"] for n in (1, 2, 3)],
            invalid_id_tag=given["invalid_id_tag"],
            reservation_seconds=given["reservation_seconds"],
        )

    def _card(self, name: str) -> Card | None:
        typed = self.cleaned_data[name]
        if not typed:
            return None
        mine = rows(self.request, Card.objects.filter(company_id=self.charger.station.company_id))
        found = mine.select_related("customer").filter(key=card_key(typed)).first()
        if found is None:
            raise DomainError(_("There is no such card here."), field=name)
        return found

    def blame(self, error: DomainError) -> None:
        """The service's sentence under the box that caused it."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


def initial_of(charger: Charger, plugs: list[Connector], admin_name: str) -> dict[str, Any]:
    """What is known before anybody types."""
    direct = selectors.gives_direct_current(plugs)
    return {
        "project": str(charger.station),
        "brand_model": " - ".join(filter(None, (charger.vendor, charger.model))),
        "tested_by": admin_name,
        "connectors": [plug.connector_id for plug in plugs],
        "direct": "dc" if direct else "ac",
        "limit": DC_LIMIT if direct else AC_LIMIT,
        "reservation_seconds": 120,
    }
