"""Plugs as the overview shows them: counted, in their panels, and what needs a look. No queries."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from evbilling.backoffice import cells
from evbilling.states import COUNTS, ERRORS, OFFLINE, STATES, State, shown_status
from stations.models import ConnectorStatus, Session, Station
from stations.selectors.chargers import Plug
from stations.services.connectors import offline_since
from stations.services.measuring import device_of

PARTS_OF_CONNECTED: dict[str, str] = {
    ConnectorStatus.PREPARING: "to start",
    ConnectorStatus.SUSPENDED_EV: "paused",
    ConnectorStatus.SUSPENDED_EVSE: "paused",
    ConnectorStatus.FINISHING: "to unplug",
}
MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """A plug with the state that counts. ``name`` leaves out the number where there is one plug."""

    plug: Plug
    status: str
    name: str

    @property
    def state(self) -> State:
        return STATES[self.status]

    @property
    def station(self) -> Station:
        return self.plug.connector.charger.station

    @property
    def url(self) -> str:
        return reverse("charger", args=[self.plug.connector.charger.charge_point_id])

    @property
    def cell(self) -> SafeString:
        """Itself on the board."""
        return cells.cell(self)

    @property
    def detail(self) -> str:
        """What there is to say beyond the state: the fault, or whose charge is paused."""
        if self.status == ConnectorStatus.FAULTED:
            return fault_text(self)
        session = self.plug.session
        if session is not None and session.refusal and self.status != OFFLINE:
            return _("Charging without permission")
        return ""

    @property
    def since(self) -> datetime:
        charger = self.plug.connector.charger
        return offline_since(charger) if self.status == OFFLINE else self.plug.connector.status_at

    @property
    def session(self) -> Session | None:
        """The charge on it; one that was refused is no charge."""
        session = self.plug.session
        return session if session is not None and not session.refusal else None

    @property
    def live(self) -> bool:
        """Whether there are values of a charge to show."""
        return self.status != OFFLINE and self.session is not None

    @property
    def power_w(self) -> int:
        """Power now, for sums: nothing where the reading is too old to count."""
        return self.plug.power_w if self.live else 0

    @property
    def target_wh(self) -> int | None:
        """What the customer chose, in Wh."""
        session = self.session
        if session is None:
            return None
        return session.chosen_wh or (session.allowance_wh if session.chosen_satang else None)

    @property
    def ends_at(self) -> datetime | None:
        """When the chosen amount will be reached at the power of the newest reading."""
        session, target = self.session, self.target_wh
        if session is None or target is None or not session.live.power_w:
            return None
        left = max(target - session.live.energy_wh, 0)
        return session.live.at + timedelta(hours=left / session.live.power_w)


@dataclass(frozen=True, slots=True)
class Count:
    """One figure of the strip. ``key`` is its filter; '' counts everything."""

    key: str
    css: str
    icon: str
    word: str | Promise
    n: int
    detail: str

    @property
    def short(self) -> str | Promise:
        """For a phone."""
        return {"connected": _("Connected"), "offline": _("Offline")}.get(self.key, self.word)


@dataclass(frozen=True, slots=True)
class Panel:
    """A station's plugs with the power they draw under what may be drawn."""

    station: Station
    seen: list[Seen]

    @property
    def part(self) -> str:
        """Its name as a part of the page, and of its nudges."""
        return f"station-{self.station.pk}"

    @property
    def power_w(self) -> int:
        return sum(s.power_w for s in self.seen)

    @property
    def plugs_w(self) -> int:
        return sum(s.plug.connector.max_power_w for s in self.seen)

    @property
    def limit_w(self) -> int | None:
        """The contract with the utility."""
        contracted = self.station.contracted_kw
        return int(contracted * 1000) if contracted else None

    @property
    def most_w(self) -> int:
        """What may be drawn: the contract, or all plugs at once where there is none."""
        return self.limit_w or self.plugs_w

    @property
    def scale_w(self) -> int:
        """The length of the bar: with a limit, it leaves room beyond its tick."""
        return max(self.limit_w * 10 // 9, self.power_w) if self.limit_w else self.plugs_w

    @property
    def chargers(self) -> int:
        return len({s.plug.connector.charger_id for s in self.seen})


@dataclass(frozen=True, slots=True)
class Alert:
    """A fault, or a charger without a line: since when and where."""

    seen: Seen
    name: str
    detail: str


def see(plugs: Sequence[Plug]) -> list[Seen]:
    """Plugs with the state that counts and the name people know."""
    number_of_plugs = Counter(p.connector.charger_id for p in plugs)
    return [_see(p, single=number_of_plugs[p.connector.charger_id] == 1) for p in plugs]


def _see(plug: Plug, *, single: bool) -> Seen:
    connector, charger = plug.connector, plug.connector.charger
    enabled = charger.enabled and charger.station.enabled
    status = shown_status(connector.status, online=plug.online, enabled=enabled)
    name = charger.charge_point_id
    return Seen(plug, status, name if single else f"{name}/{connector.connector_id}")


def counts(seen: Sequence[Seen]) -> list[Count]:
    """The brochure's six: five bundles of states and the total."""
    found = []
    for key, css, icon, word, bundle in COUNTS:
        mine = [s for s in seen if s.status in bundle]
        found.append(Count(key, css, icon, word, len(mine), _detail(key, mine)))
    found.append(Count("", "", "charging-pile", _("In total"), len(seen), _about_all(seen)))
    return found


def with_state(seen: Iterable[Seen], key: str) -> list[Seen]:
    """Those that a count counts; all of them for no key that we know."""
    bundle = next((statuses for name, *_rest, statuses in COUNTS if name == key), None)
    return [s for s in seen if bundle is None or s.status in bundle]


def panels(seen: Sequence[Seen]) -> list[Panel]:
    found: dict[int, Panel] = {}
    for one in seen:
        found.setdefault(one.station.pk, Panel(one.station, [])).seen.append(one)
    return list(found.values())


def alerts(seen: Sequence[Seen]) -> list[Alert]:
    """Faults first, then chargers without a line, the newest of each first. Closed ones may be away."""
    faults = [s for s in seen if s.status == ConnectorStatus.FAULTED]
    away: dict[int, Seen] = {}
    for one in seen:
        charger = one.plug.connector.charger
        in_service = charger.enabled and charger.station.enabled
        if one.status == OFFLINE and in_service and not _comes_back(one):
            away.setdefault(charger.pk, one)
    newest = sorted(faults, key=_age), sorted(away.values(), key=_age)
    return [Alert(s, s.name, fault_text(s)) for s in newest[0]] + [
        Alert(s, s.plug.connector.charger.charge_point_id, _offline_text(s, seen))
        for s in newest[1]
    ]


def _comes_back(one: Seen) -> bool:
    """Whether its model is known to be away for a while and call again by itself (quirk 21)."""
    grace = device_of(one.plug.connector.charger).quirks.reconnect_grace_s
    return grace > 0 and (timezone.now() - one.since).total_seconds() < grace


def fault_text(one: Seen) -> str:
    """What the charger says is wrong, in words and in its own code."""
    connector = one.plug.connector
    code = "" if connector.error_code in ("NoError", "OtherError") else connector.error_code
    words = str(ERRORS.get(code, ""))
    said = " ".join(filter(None, (connector.info, connector.vendor_error_code)))
    parts = [f"{words} ({code})" if words else code, said]
    return " · ".join(filter(None, parts)) or _("The charger does not say why")


def _offline_text(one: Seen, seen: Sequence[Seen]) -> str:
    mine = one.plug.connector.charger_id
    running = sum(1 for s in seen if s.plug.connector.charger_id == mine and s.session)
    if running:
        return _("No connection; a charge was under way, its readings follow later")
    return _("No connection; nothing was charging")


def _age(one: Seen) -> float:
    return -one.since.timestamp()


def _detail(key: str, mine: Sequence[Seen]) -> str:
    if not mine:
        return ""
    if key == "available":
        return _("Ready for a car")
    if key == "charging":
        return _about_charging(mine)
    if key == "connected":
        return _about_connected(mine)
    names = [s.name for s in mine[:MOST_NAMES]]
    more = len(mine) - len(names)
    return ", ".join(names) + (f" +{more}" if more else "")


def _about_charging(mine: Sequence[Seen]) -> str:
    """Their power; those whose newest reading is too old to count are named, not guessed."""
    silent = sum(s.live and s.plug.stale for s in mine)
    power = f"{sum(s.power_w for s in mine) / 1000:,.1f} kW"
    if not silent:
        return power
    words = _("no fresh reading: %(n)s") % {"n": silent}
    return words if silent == len(mine) else f"{power} · {words}"


def _about_connected(mine: Sequence[Seen]) -> str:
    n = Counter(PARTS_OF_CONNECTED[s.status] for s in mine)
    words = {
        "to start": _("to start %(n)s"),
        "paused": _("paused %(n)s"),
        "to unplug": _("to unplug %(n)s"),
    }
    return " · ".join(words[part] % {"n": n[part]} for part in words if n[part])


def _about_all(seen: Sequence[Seen]) -> str:
    """Chargers, and the plugs that none of the five counts."""
    n = Counter(s.status for s in seen)
    chargers = len({s.plug.connector.charger_id for s in seen})
    parts = [ngettext("%(n)s charger", "%(n)s chargers", chargers) % {"n": chargers}]
    if reserved := n[ConnectorStatus.RESERVED]:
        parts.append(_("reserved %(n)s") % {"n": reserved})
    if out := n[ConnectorStatus.UNAVAILABLE]:
        parts.append(_("out of service %(n)s") % {"n": out})
    return " · ".join(parts)
