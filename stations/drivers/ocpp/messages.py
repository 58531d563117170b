"""What chargers say, as typed structs: lenient in what does not matter, strict in what does.

Unknown fields are ignored, over-long strings accepted and cut when stored, numbers may come as
fractions. Field names are the standard's (OCPP 1.6 §6), here in snake case.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

Number = int | float
MAX_WH = 10**13
MAX_W = 1e9
ENERGY = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"
SOC = "SoC"
# Measurand and UnitOfMeasure, OCPP 1.6 §7.31 and §7.45; both spellings of Celsius (errata).
MEASURANDS = frozenset(
    {
        ENERGY,
        POWER,
        SOC,
        "Current.Export",
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Export.Interval",
        "Energy.Active.Export.Register",
        "Energy.Active.Import.Interval",
        "Energy.Reactive.Export.Interval",
        "Energy.Reactive.Export.Register",
        "Energy.Reactive.Import.Interval",
        "Energy.Reactive.Import.Register",
        "Frequency",
        "Power.Active.Export",
        "Power.Factor",
        "Power.Offered",
        "Power.Reactive.Export",
        "Power.Reactive.Import",
        "RPM",
        "Temperature",
        "Voltage",
    }
)
UNITS = frozenset(
    {
        None,
        "A",
        "Celcius",
        "Celsius",
        "Fahrenheit",
        "K",
        "Percent",
        "V",
        "VA",
        "W",
        "Wh",
        "kVA",
        "kW",
        "kWh",
        "kvar",
        "kvarh",
        "var",
        "varh",
    }
)
PHASES = frozenset({"L1", "L2", "L3", "N"})
_MEASURANDS_BY_LOWER = {word.lower(): word for word in MEASURANDS}
_UNITS_BY_LOWER = {word.lower(): word for word in UNITS if word}


class Payload(msgspec.Struct, rename="camel", gc=False):
    """Base of all requests from chargers."""


class Authorize(Payload):
    id_tag: str


class BootNotification(Payload):
    charge_point_vendor: str
    charge_point_model: str
    charge_point_serial_number: str | None = None
    charge_box_serial_number: str | None = None
    firmware_version: str | None = None
    iccid: str | None = None
    imsi: str | None = None
    meter_serial_number: str | None = None
    meter_type: str | None = None


class Heartbeat(Payload):
    pass


class StatusNotification(Payload):
    connector_id: int
    error_code: str
    status: str
    timestamp: str | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None


class MeterValueElement(Payload):
    timestamp: str
    sampled_value: msgspec.Raw


class MeterValues(Payload):
    connector_id: int
    meter_value: list[MeterValueElement]
    transaction_id: int | None = None


class StartTransaction(Payload):
    connector_id: int
    id_tag: str
    meter_start: Number
    timestamp: str
    reservation_id: int | None = None


class StopTransaction(Payload):
    transaction_id: int
    meter_stop: Number | None = None
    timestamp: str | None = None
    id_tag: str | None = None
    reason: str | None = None
    transaction_data: list[MeterValueElement] | None = None


class DataTransfer(Payload):
    vendor_id: str
    message_id: str | None = None
    data: Any = None


class StatusOnly(Payload):
    """FirmwareStatusNotification and DiagnosticsStatusNotification."""

    status: str


class SecurityEventNotification(Payload):
    """Security extension §5.19. ``type`` is open: the standard's list is not closed either."""

    type: str
    timestamp: str | None = None
    tech_info: str | None = None


class SignCertificate(Payload):
    """Security extension §5.21: a PKCS#10 request in PEM."""

    csr: str


class TransferStatus(Payload):
    """LogStatusNotification and SignedFirmwareStatusNotification (security extension §5.13, §5.20)."""

    status: str
    request_id: int | None = None


class SampledValue(msgspec.Struct, rename="camel", gc=False):
    """One sampled value. Enumerations are left open: chargers invent units and contexts."""

    value: str | int | float
    measurand: str = ENERGY
    unit: str | None = None
    phase: str | None = None
    context: str | None = None
    location: str | None = None
    format: str | None = None


class Sampled(msgspec.Struct, gc=False):
    """What the usual quantities of one MeterValue element say, in Wh, W and percent."""

    register_wh: int | None = None
    power_w: int | None = None
    soc: int | None = None
    odd: str = ""  # a quantity or unit that the standard spells otherwise


_samples = msgspec.json.Decoder(list[SampledValue])


def read_samples(raw: bytes | msgspec.Raw, kilo: bool = False) -> Sampled:
    """Pick energy register, power and state of charge out of a sampledValue list.

    ``kilo``: this model's energy is kWh though it is labelled Wh (quirk 22).
    """
    found = Sampled()
    phase_power = 0
    for sample in _samples.decode(raw):
        if sample.format == "SignedData":
            continue
        if sample.measurand not in MEASURANDS or sample.unit not in UNITS:
            found.odd = f"{sample.measurand} {sample.unit or ''}"[:60]
            sample = _respelt(sample)
        if sample.measurand == ENERGY and sample.phase is None:
            found.register_wh = quantity(sample.value, kilo or sample.unit == "kWh")
        elif sample.measurand == POWER:
            power = watts(sample.value, sample.unit == "kW")
            if sample.phase is None:
                found.power_w = power
            else:
                phase_power += power or 0
        elif sample.measurand == SOC:
            found.soc = quantity(sample.value, False)
    if found.power_w is None and phase_power:
        found.power_w = phase_power
    return found


def _respelt(sample: SampledValue) -> SampledValue:
    """As the standard spells it, where it is clear what is meant: other capitals, spaces, quotes, the
    phase at the end of the measurand (quirk 26). What is not clear stays as it is (quirk 8)."""
    words = sample.measurand.strip(" \"'").lower()
    phase = sample.phase
    name, _, last = words.rpartition(".")
    if last.upper() in PHASES:
        words, phase = name, last.upper()
    unit = (sample.unit or "").strip(" \"'").lower()
    return SampledValue(
        sample.value,
        _MEASURANDS_BY_LOWER.get(words, sample.measurand),
        _UNITS_BY_LOWER.get(unit, sample.unit),
        phase,
        sample.context,
        sample.location,
        sample.format,
    )


def quantity(value: str | int | float, kilo: bool) -> int | None:
    """A number as sent, rounded to a whole Wh, W or percent; None for what is no usable number."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 11:
        return int(value) * 1000 if kilo else int(value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) > MAX_WH:
        return None
    return round(number * 1000 if kilo else number)


def watts(value: str | int | float, kilo: bool) -> int | None:
    """A power, to the watt; it steers and is shown, it is never billed."""
    try:
        number = float(value) * (1000.0 if kilo else 1.0)
    except ValueError:
        return None
    return round(number) if abs(number) < MAX_W else None


def whole(value: Number | None) -> int | None:
    """A meter register: fractions are rounded (quirk 24), nonsense is None."""
    return None if value is None else quantity(value, False)


def tag(value: str | None) -> str:
    """An idTag without the control bytes and spaces that some readers add (quirk 6)."""
    if not value:
        return ""
    if value.isprintable() and value.isascii():
        return value.strip()[:40]
    return "".join(c for c in text(value, 80) if c.isprintable()).strip()[:40]


def text(value: str | None, most: int) -> str:
    """A string for storage: no NUL or lone surrogate (PostgreSQL refuses both), cut to ``most``."""
    if not value:
        return ""
    if not value.isprintable():
        value = value.encode("utf-8", "replace").decode().replace("\x00", "")
    return value[:most]


def storable(raw: str) -> str:
    """JSON that PostgreSQL's jsonb takes: ``\\u0000`` and lone surrogates are replaced."""
    if "\\u" not in raw:
        return raw
    cleaned = _without_nul(msgspec.json.decode(raw))
    return msgspec.json.encode(cleaned).decode()


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\x00", "�")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(k): _without_nul(v) for k, v in value.items()}
    return value
