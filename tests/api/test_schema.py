"""The description of the API: valid, complete, and the same for everybody."""

import json
from functools import cache
from typing import Any

import pytest
from django.core.management import call_command
from drf_spectacular.validation import validate_schema

from tests.api.client import Caller

# Exactly the words of the interfaces page.
FIELDS = {
    "stations/": "id company name name_th address latitude longitude utility utility_meter_number"
    " voltage_level contracted_kw billing_cycle_day enabled",
    "chargers/": "charge_point_id station name protocol device connectors serial_number"
    " network_status last_seen_at enabled",
    "customers/": "id name phone level billing_mode credit_limit balance enabled",
    "cards/": "id_tag customer parent_id_tag expires_at status max_active_sessions",
    "sessions/": "id charge_point_id connector_id transaction_id id_tag customer status started_at"
    " stopped_at meter_start meter_stop energy amount payment_status stop_reason",
    "chargers/{charge_point_id}/messages/": "at direction action message_id payload error",
}
PATHS = (
    "stations/",
    "chargers/",
    "chargers/{charge_point_id}/",
    "chargers/{charge_point_id}/commands/{action}/",
    "chargers/{charge_point_id}/messages/",
    "customers/",
    "customers/{id}/top-up/",
    "customers/{id}/withdraw/",
    "cards/",
    "cards/{id_tag}/",
    "sessions/",
    "sessions/{id}/bill/",
    "sessions/{id}/stop/",
    "tariffs/",
    "ledger/",
    "limits/",
    "cases/",
    "me/",
)


def test_the_description_is_valid_and_warns_of_nothing(tmp_path: Any) -> None:
    call_command(
        "spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yaml")
    )


def test_anybody_may_read_the_description(stranger: Caller) -> None:
    answer = stranger.get("schema/")
    assert answer.status == 200
    assert answer["openapi"].startswith("3.1")
    validate_schema(answer.json)
