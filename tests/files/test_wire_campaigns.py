"""One thing at many chargers over the wire: a few at a time, through failures, absence and a kill."""

import threading
from typing import Any

import pytest

from core.audit import SYSTEM
from stations.models import Campaign, Charger
from stations.services import campaigns
from tests.factories import a_charger, a_station
from tests.files.world import a_campaign, an_image
from tests.stack import Stack, eventually
from tests.wire import Point

pytestmark = pytest.mark.wire


class Crowd:
    """Wire chargers that answer in threads of their own until they are hung up."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.points: dict[int, Point] = {}
        self.threads: list[threading.Thread] = []

    def join(self, charger: Charger, answer: Any = None) -> None:
        point = Point(self.url, charger)
        point.answers["ClearCache"] = answer or {"status": "Accepted"}
        self.points[charger.pk] = point
        thread = threading.Thread(target=self._serve, args=(point,))
        thread.start()
        self.threads.append(thread)

    def _serve(self, point: Point) -> None:
        try:
            while True:
                point.expect("ClearCache", timeout=60)
        except Exception:  # hung up
            return

    def leave(self) -> None:
        for point in self.points.values():
            point.socket.close()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def crowd(office: Stack) -> Any:
    found = Crowd(office.ocpp_url)
    yield found
    found.leave()


def states(campaign: Campaign) -> dict[str, int]:
    found: dict[str, int] = {}
    for state in campaign.targets.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def test_twenty_chargers_with_refusals_and_late_comers(office: Stack, crowd: Crowd) -> None:
    station = a_station()
    chargers = [a_charger(station) for _ in range(20)]
    for n, charger in enumerate(chargers[:15]):
        crowd.join(charger, {"status": "Rejected"} if n in (2, 5) else None)
    campaign = a_campaign(chargers, max_parallel=4)
    eventually(lambda: states(campaign) == {"done": 13, "failed": 2, "waiting": 5})
    for charger in chargers[15:]:
        crowd.join(charger)
    eventually(lambda: states(campaign) == {"done": 18, "failed": 2})
    eventually(lambda: Campaign.objects.get(pk=campaign.pk).state == "done")
    failed = campaign.targets.filter(state="failed")
    assert {t.detail for t in failed} == {"Rejected"}
    for point in crowd.points.values():
        assert [action for action, _ in point.heard] == ["ClearCache"]


def test_no_more_than_were_allowed_work_at_once_and_pause_begins_no_further(
    office: Stack, crowd: Crowd
) -> None:
    station = a_station()
    chargers = [a_charger(station) for _ in range(6)]
    gate = threading.Event()

    def slow(payload: Any) -> dict[str, str]:
        gate.wait(20)
        return {"status": "Accepted"}

    for charger in chargers:
        crowd.join(charger, slow)
    campaign = a_campaign(chargers, max_parallel=2)
    eventually(lambda: sum(len(p.heard) for p in crowd.points.values()) == 2)
    campaigns.pause(campaign, actor=SYSTEM)
    gate.set()
    eventually(lambda: states(campaign) == {"done": 2, "waiting": 4})
    campaigns.sweep()
    assert states(campaign) == {"done": 2, "waiting": 4}
    campaigns.resume(campaign, actor=SYSTEM)
    eventually(lambda: states(campaign) == {"done": 6})


def test_cancelled_it_begins_nobody_and_follows_who_is_under_way(
    office: Stack, crowd: Crowd
) -> None:
    station = a_station()
    chargers = [a_charger(station) for _ in range(3)]
    gate = threading.Event()

    def slow(payload: Any) -> dict[str, str]:
        gate.wait(20)
        return {"status": "Accepted"}

    for charger in chargers:
        crowd.join(charger, slow)
    campaign = a_campaign(chargers, max_parallel=1)
    eventually(lambda: sum(len(p.heard) for p in crowd.points.values()) == 1)
    campaigns.cancel(campaign, actor=SYSTEM)
    assert states(campaign) == {"working": 1, "cancelled": 2}
    gate.set()
    eventually(lambda: states(campaign) == {"done": 1, "cancelled": 2})
    assert Campaign.objects.get(pk=campaign.pk).state == "cancelled"
    assert sum(len(p.heard) for p in crowd.points.values()) == 1


def test_a_deliverer_that_is_killed_in_the_middle_costs_no_charger_and_doubles_none(
    office: Stack, crowd: Crowd
) -> None:
    station = a_station()
    chargers = [a_charger(station) for _ in range(12)]
    for charger in chargers:
        crowd.join(charger)
    campaign = a_campaign(chargers, max_parallel=1)
    eventually(lambda: states(campaign).get("done", 0) >= 3)
    deliver = office.process_named("deliver")
    deliver.kill9()
    deliver.start()
    eventually(lambda: states(campaign) == {"done": 12}, 20)
    for point in crowd.points.values():
        assert [action for action, _ in point.heard] == ["ClearCache"]


def test_a_firmware_campaign_ends_a_charger_with_its_new_version(office: Stack) -> None:
    charger = a_charger()
    image = an_image(charger.station.company, version="9.1")
    with Point(office.ocpp_url, charger) as point:
        point.boot()
        point.answers["UpdateFirmware"] = {}
        campaign = a_campaign(
            [charger],
            kind="firmware",
            firmware=image,
            steps=[{"action": "UpdateFirmware", "payload": {"retries": 1}}],
        )
        assert point.expect("UpdateFirmware")["retries"] == 1
        point.call("FirmwareStatusNotification", {"status": "Downloading"})
        eventually(lambda: campaign.targets.get().detail == "Downloading")
        assert states(campaign) == {"working": 1}
        point.call("FirmwareStatusNotification", {"status": "Installed"})
        eventually(lambda: states(campaign) == {"done": 1})
