"""chargers/…/doctor/: what a program is told of a charger's habits, and what it may change."""

import pytest

from stations.services import findings
from tests.api.client import Caller
from tests.factories import a_charger, a_company, a_station, an_admin
from users.models import Level

pytestmark = pytest.mark.django_db


def test_the_doctor_tells_device_quirks_health_and_findings() -> None:
    charger = a_charger(a_station(a_company()), vendor="EV-BOX", model="Elvi")
    findings.note(charger.pk, ["impossible_rise"], {"transaction_id": 7}, "evbox")
    caller = Caller(an_admin(charger.station.company, Level.VIEWER))
    said = caller.get(f"chargers/{charger.charge_point_id}/doctor/").json
    assert (said["device"], said["applied_device"], said["found_by"]) == ("auto", "evbox", "found")
    assert said["quirks"]["max_profile_as_default"] is True
    assert said["health"] == "fault"
    (found,) = said["findings"]
    assert (found["code"], found["count"], found["applied"]) == ("impossible_rise", 1, "evbox")
    assert found["evidence"] == {"transaction_id": 7}
    assert found["advice"]


def test_device_and_overrides_are_changed_or_refused_by_field() -> None:
    charger = a_charger(a_station(a_company()))
    caller = Caller(an_admin(charger.station.company))
    path = f"chargers/{charger.charge_point_id}/doctor/"
    said = caller.patch(path, {"device": "keba", "overrides": {"clock": "local"}})
    assert said.status == 200
    assert (said.json["found_by"], said.json["quirks"]["clock"]) == ("named", "local")
    for body, field in (
        ({"device": "flying"}, "device"),
        ({"overrides": {"clock": "sundial"}}, "clock"),
        ({"overrides": {"wings": 2}}, "wings"),
        ({"overrides": [1]}, "overrides"),
    ):
        refused = caller.patch(path, body)
        assert (refused.status in (400, 422), list(refused.json["fields"])) == (True, [field])
    charger.refresh_from_db()
    assert (charger.device, charger.quirks) == ("keba", {"clock": "local"})
    operator = Caller(an_admin(charger.station.company, Level.OPERATOR))
    assert operator.patch(path, {"device": "auto"}).status == 403
