"""Configuration keys of chargers (OCPP 1.6 §9): read leniently, compared by meaning. Pure.

Chargers spell keys in any case, send numbers and booleans where the standard has text, put blanks
and quotes into lists, and leave out what is required. Nothing here fails on it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_KEYS = 500  # of one answer; an honest charger has some eighty
LONGEST_KEY, LONGEST_VALUE = 50, 500  # CiString50Type and CiString500Type of ChangeConfiguration
LONGEST_KEPT = 4000
STARS = "***"
ENERGY = "Energy.Active.Import.Register"
MEASURANDS = "MeterValuesSampledData"
FEATURES = "SupportedFeatureProfiles"
SECRET_ENDINGS = ("authorizationkey", "password", "passwd", "passphrase", "secret", "psk")


@dataclass(frozen=True, slots=True)
class ReadKey:
    """One key as a charger said it. ``value`` is None where it showed none, or is nobody's to read."""

    key: str
    value: str | None
    readonly: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What a GetConfiguration.conf holds, as far as it can be understood."""

    keys: list[ReadKey]
    unknown: list[str]


OK, DRIFT, READONLY, ABSENT, REFUSED = "ok", "drift", "readonly", "absent", "refused"


@dataclass(frozen=True, slots=True)
class Compared:
    """A wanted key beside what is. ``state``: ok, drift, or why it cannot be put right."""

    key: str
    wanted: str
    value: str | None
    state: str


def is_secret(key: str) -> bool:
    """Whether a key holds a password: AuthorizationKey, and vendors' keys that say so themselves."""
    return fold(key).endswith(SECRET_ENDINGS)


def fold(key: str) -> str:
    """Keys are CiStrings: the same whatever their case."""
    return key.strip().casefold()


def text_of(value: Any) -> str | None:
    """A value of any JSON type as the text that the standard wants; None where there is none."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, list):
        value = ",".join(text_of(each) or "" for each in value)
    return _clean(str(value), LONGEST_KEPT)


def parse(answer: Any) -> Answer:
    """The keys of a GetConfiguration.conf; what makes no sense in it is left out."""
    body = answer if isinstance(answer, Mapping) else {}
    rows = body.get("configurationKey")
    names = body.get("unknownKey")
    found: dict[str, ReadKey] = {}
    for row in rows[:MOST_KEYS] if isinstance(rows, list) else ():
        read = _read(row)
        if read is not None:
            found[fold(read.key)] = read
    unknown = [_clean(str(n), LONGEST_KEY) for n in names] if isinstance(names, list) else []
    return Answer(list(found.values()), unknown[:MOST_KEYS])


def _read(row: Any) -> ReadKey | None:
    if not isinstance(row, Mapping):
        return None
    key = _clean(str(row.get("key") or ""), 100).strip()
    if not key:
        return None
    value = None if is_secret(key) else text_of(row.get("value"))
    readonly = text_of(row.get("readonly")) or ""
    return ReadKey(key, value, readonly.strip().lower() in ("true", "1"))


def _clean(text: str, most: int) -> str:
    """PostgreSQL takes neither NUL nor half a surrogate pair."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return whole.replace("\0", "")[:most]


def without_secrets(answer: Any) -> Any:
    """A GetConfiguration.conf as it may be kept: passwords as ``***``, the rest word for word."""
    if not isinstance(answer, Mapping) or not isinstance(answer.get("configurationKey"), list):
        return answer
    rows = [
        {**row, "value": STARS}
        if isinstance(row, Mapping) and "value" in row and is_secret(str(row.get("key") or ""))
        else row
        for row in answer["configurationKey"]
    ]
    return {**answer, "configurationKey": rows}


def names(text: str | None) -> list[str]:
    """The parts of a comma-separated list, blanks, quotes and brackets removed, each once."""
    parts = (part.strip(" \t'\"[]") for part in (text or "").split(","))
    return list(dict.fromkeys(part for part in parts if part))


def same(key: str, wanted: str, value: str | None) -> bool:
    """Whether a charger's value means what is wanted. Of measurands it may send more."""
    if value is None:
        return False
    if fold(key) == fold(MEASURANDS):
        return {fold(n) for n in names(wanted)} <= {fold(n) for n in names(value)}
    if "," in wanted or "," in value:
        return [fold(n) for n in names(wanted)] == [fold(n) for n in names(value)]
    ours, theirs = wanted.strip(" '\"").casefold(), value.strip(" '\"").casefold()
    return ours == theirs or _number(ours) == _number(theirs) is not None


def _number(text: str) -> float | None:
    """The number that a text of digits is; ``060`` and ``60.0`` are 60."""
    plain = text.removeprefix("-").replace(".", "", 1)
    return float(text) if plain.isascii() and plain.isdigit() and len(text) < 20 else None


def compare(
    wanted: Mapping[str, str],
    known: Mapping[str, ReadKey],
    refused: Collection[str] = (),
    left_out: Collection[str] = (),
) -> list[Compared]:
    """Each wanted key beside what is. ``known`` and ``refused`` go by folded key.

    ``left_out`` are the measurands that the charger does not take: not wanted of it any more.
    """
    return [
        _compared(key, without(key, value, left_out), known, refused)
        for key, value in wanted.items()
    ]


def without(key: str, wanted: str, left_out: Collection[str]) -> str:
    """The wanted measurands but for those the charger does not take."""
    if not left_out or fold(key) != fold(MEASURANDS):
        return wanted
    gone = {fold(each) for each in left_out}
    return ",".join(name for name in names(wanted) if fold(name) not in gone)


def _compared(
    key: str, wanted: str, known: Mapping[str, ReadKey], refused: Collection[str]
) -> Compared:
    read = known.get(fold(key))
    if read is None:
        return Compared(key, wanted, None, REFUSED if fold(key) in refused else ABSENT)
    if same(key, wanted, read.value):
        return Compared(read.key, wanted, read.value, OK)
    if read.readonly:
        return Compared(read.key, wanted, read.value, READONLY)
    state = REFUSED if fold(key) in refused else DRIFT
    return Compared(read.key, wanted, read.value, state)


def by_key(keys: Iterable[ReadKey]) -> dict[str, ReadKey]:
    return {fold(read.key): read for read in keys}
