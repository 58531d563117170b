"""The forms of files and campaigns."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from evbilling import campaigning
from evbilling.backoffice.moments import LOCAL
from evbilling.forms import Form
from stations.models import CampaignKind, FirmwareImage, TransferKind
from stations.services.campaigns import MOST_PARALLEL, Step
from stations.services.transfers import MOST_INTERVAL_S, MOST_RETRIES, Wish

OTHER = "other"
# Orders that make sense for many chargers: value -> label, action, payload.
ORDERS: tuple[tuple[str, Any, str, dict[str, Any]], ...] = (
    ("status", _("Ask for the status (TriggerMessage)"), "TriggerMessage",
     {"requestedMessage": "StatusNotification"}),
    ("boot", _("Ask for a BootNotification (TriggerMessage)"), "TriggerMessage",
     {"requestedMessage": "BootNotification"}),
    ("soft", _("Restart, soft (Reset)"), "Reset", {"type": "Soft"}),
    ("hard", _("Restart, hard (Reset)"), "Reset", {"type": "Hard"}),
    ("cache", _("Forget known cards (ClearCache)"), "ClearCache", {}),
    ("settings", _("Read the settings (GetConfiguration)"), "GetConfiguration", {}),
    ("open", _("Open (ChangeAvailability Operative)"), "ChangeAvailability",
     {"connectorId": 0, "type": "Operative"}),
    ("close", _("Close (ChangeAvailability Inoperative)"), "ChangeAvailability",
     {"connectorId": 0, "type": "Inoperative"}),
    ("diagnostics", _("Fetch diagnostics (GetDiagnostics)"), "GetDiagnostics", {}),
    ("security", _("Fetch the security log (GetLog)"), "GetLog", {"logType": "SecurityLog"}),
)  # fmt: skip
BY_VALUE = {value: (action, payload) for value, _label, action, payload in ORDERS}
DEADLINES = (
    ("1", _("1 hour")),
    ("8", _("8 hours")),
    ("24", _("1 day")),
    ("72", _("3 days")),
    ("168", _("7 days")),
    ("720", _("30 days")),
)
_SETTING = re.compile(r"([^=\s][^=]*?)\s*=\s*(.*)")


class LocalMoment(forms.DateTimeField):
    """A moment as typed at the station: Bangkok time."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def clean(self, value: Any) -> datetime | None:
        with timezone.override(LOCAL):
            found: datetime | None = super().clean(value)
        return found


class Tries(Form):
    """How often the charger tries."""

    retries = forms.IntegerField(
        label=_("Tries after the first (retries)"),
        required=False,
        min_value=0,
        max_value=MOST_RETRIES,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    retry_interval = forms.IntegerField(
        label=_("Seconds between them (retryInterval)"),
        required=False,
        min_value=0,
        max_value=MOST_INTERVAL_S,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )

    def wish(self) -> Wish:
        values = self.cleaned_data
        return Wish(
            at=values.get("at"),
            install_at=values.get("install_at"),
            retries=values.get("retries"),
            retry_interval_s=values.get("retry_interval"),
            oldest=values.get("oldest"),
            latest=values.get("latest"),
        )


def image_choices(images: Sequence[FirmwareImage]) -> list[tuple[str, str]]:
    return [(str(image.pk), f"{image} · {image.file_name}") for image in images]


class UpdateForm(Tries):
    """New firmware for one charger."""

    firmware = forms.ChoiceField(label=_("Firmware"))
    how = forms.ChoiceField(
        label=_("By which order"),
        choices=[
            (TransferKind.FIRMWARE, _("Plain (UpdateFirmware)")),
            (TransferKind.SIGNED_FIRMWARE, _("With signature (SignedUpdateFirmware)")),
        ],
    )
    at = LocalMoment(
        label=_("Fetch it not before (retrieveDate)"),
        required=False,
        help_text=_("Empty: at once."),
    )

    def __init__(self, *args: Any, images: Sequence[FirmwareImage], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["firmware"].choices = image_choices(images)  # type: ignore[attr-defined]
        self.order_fields(["firmware", "how", "at", "retries", "retry_interval"])


class AskForm(Tries):
    """Diagnostics or a log of one charger."""

    kind = forms.ChoiceField(
        label=_("What shall it send"),
        choices=[
            (TransferKind.DIAGNOSTICS, _("Diagnostics (GetDiagnostics)")),
            (TransferKind.DIAGNOSTICS_LOG, _("Diagnostics log (GetLog)")),
            (TransferKind.SECURITY_LOG, _("Security log (GetLog)")),
        ],
    )
    oldest = LocalMoment(label=_("From"), required=False)
    latest = LocalMoment(label=_("Until"), required=False, help_text=_("Empty: all it has."))

    field_order = ["kind", "oldest", "latest", "retries", "retry_interval"]


class ImageForm(Form):
    """A firmware image to upload."""

    file = forms.FileField(label=_("File"), error_messages={"empty": _("The file is empty.")})
    name = forms.CharField(label=_("Name"), max_length=80)
    version = forms.CharField(
        label=_("Version"),
        max_length=80,
        help_text=_("As the charger says it after the update (firmwareVersion)."),
    )
    vendor = forms.CharField(label=_("Maker"), max_length=80, required=False)
    model = forms.CharField(
        label=_("Model"),
        max_length=80,
        required=False,
        help_text=_("As the charger says it. Empty: it fits any."),
    )
    signature = forms.CharField(label=_("Signature (base64)"), required=False, max_length=1200)
    signing_certificate = forms.CharField(
        label=_("Signing certificate (PEM)"),
        required=False,
        max_length=6000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )


class CampaignForm(Tries):
    """What is done at many chargers. Which fields there are depends on its kind."""

    name = forms.CharField(label=_("Name"), max_length=80)
    firmware = forms.ChoiceField(label=_("Firmware"))
    signed = forms.BooleanField(label=_("With signature (SignedUpdateFirmware)"), required=False)
    settings = forms.CharField(
        label=_("Settings, one on each line: Key=Value"),
        max_length=8_000,
        widget=forms.Textarea(
            attrs={"rows": 4, "spellcheck": "false", "placeholder": "MeterValueSampleInterval=60"}
        ),
    )
    order = forms.ChoiceField(
        label=_("Order"),
        choices=[*((value, label) for value, label, _a, _p in ORDERS), (OTHER, _("Another order"))],
    )
    action = forms.CharField(
        label=_("Another order: its name by the standard"), required=False, max_length=50
    )
    payload = forms.CharField(
        label=_("Another order: its payload as JSON"),
        required=False,
        max_length=8_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "placeholder": "{}"}),
    )
    max_parallel = forms.IntegerField(
        label=_("At the same time, at most"),
        min_value=1,
        max_value=MOST_PARALLEL,
        initial=10,
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
    hours = forms.ChoiceField(
        label=_("Wait for chargers that are away or busy"), choices=DEADLINES, initial="72"
    )
    while_charging = forms.BooleanField(label=_("Also while a car is charging"), required=False)

    OF_KIND = {
        CampaignKind.FIRMWARE: ("firmware", "signed", "retries", "retry_interval"),
        CampaignKind.CONFIGURATION: ("settings",),
        CampaignKind.ORDER: ("order", "action", "payload"),
    }

    def __init__(
        self, *args: Any, kind: str, images: Sequence[FirmwareImage], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.fields["firmware"].choices = image_choices(images)  # type: ignore[attr-defined]
        for other, names in self.OF_KIND.items():
            if other != kind:
                for name in names:
                    self.fields.pop(name, None)
        for name in ("signed", "while_charging"):
            if name in self.fields:
                self.fields[name].widget.attrs["class"] = "form-check-input"
        self.order_fields(["name", *self.OF_KIND[CampaignKind(kind)], "max_parallel", "hours"])

    @property
    def deadline(self) -> datetime:
        return timezone.now() + timedelta(hours=int(self.cleaned_data["hours"]))

    def steps(self) -> list[Step]:
        """What each charger is told; ``DomainError`` with the form's field where it cannot be."""
        values = self.cleaned_data
        if self.kind == CampaignKind.FIRMWARE:
            return campaigning.firmware_steps(
                signed=values["signed"],
                retries=values["retries"],
                retry_interval_s=values["retry_interval"],
            )
        if self.kind == CampaignKind.CONFIGURATION:
            return campaigning.settings_steps(_settings(values["settings"]))
        if values["order"] != OTHER:
            return campaigning.order_steps(*BY_VALUE[values["order"]])
        return campaigning.order_steps(values["action"], _payload(values["payload"]))


def _settings(text: str) -> list[tuple[str, str]]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        pair = _SETTING.fullmatch(line)
        if pair is None:
            raise DomainError(
                _("“%(line)s” is not written as Key=Value."),
                code="bad_setting",
                field="settings",
                line=line[:60],
            )
        found.append((pair[1], pair[2]))
    return found


def _payload(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise DomainError(_("This is no JSON object."), code="bad_json", field="payload")
    return found
