"""The description of the API: valid, complete, and the same for everybody."""

import json
import re
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.utils import translation
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
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


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The description as ``manage.py spectacular`` makes it; anything it warns of fails."""
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence(), translation.override("en"):
        generator: Any = SchemaGenerator()  # type: ignore[no-untyped-call]
        found: dict[str, Any] = generator.get_schema(request=None, public=True)
    assert not GENERATOR_STATS, (GENERATOR_STATS._warn_cache, GENERATOR_STATS._error_cache)
    return found


def test_the_description_is_valid(described: dict[str, Any]) -> None:
    validate_schema(described)  # type: ignore[no-untyped-call]
    assert described["openapi"].startswith("3.1")


def test_every_path_of_the_interfaces_page_is_described(described: dict[str, Any]) -> None:
    assert {f"/api/v1/{path}" for path in PATHS} <= described["paths"].keys()


def test_every_field_of_the_interfaces_page_is_described(described: dict[str, Any]) -> None:
    missing = {}
    for path, names in FIELDS.items():
        content = described["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]["content"]
        page = resolved(described, content["application/json"]["schema"])
        assert set(page["properties"]) == {"results", "next", "previous"}
        row = resolved(described, page["properties"]["results"]["items"])
        missing[path] = set(names.split()) - row["properties"].keys()
    assert not any(missing.values()), missing


def test_what_is_only_written_is_described_where_it_is_written(described: dict[str, Any]) -> None:
    body = described["paths"]["/api/v1/chargers/"]["post"]["requestBody"]
    fields = resolved(described, body["content"]["application/json"]["schema"])["properties"]
    assert {"password", "connector_count", "charge_point_id"} <= fields.keys()


def test_the_filters_of_the_interfaces_page_are_described(described: dict[str, Any]) -> None:
    given = described["paths"]["/api/v1/sessions/"]["get"]["parameters"]
    wanted = {"charge_point_id", "customer", "transaction_id", "meter_start", "from", "to"}
    assert wanted | {"status", "cursor", "page_size"} <= {row["name"] for row in given}


def test_every_refusal_is_described(described: dict[str, Any]) -> None:
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            assert "4XX" in operation["responses"], (method, path)


@pytest.mark.django_db
def test_anybody_may_read_it_in_english_whatever_they_speak(stranger: Caller) -> None:
    answer = stranger.send("GET", "schema/", Accept_Language="th")
    assert answer.status == 200
    assert not re.search("[ก-๙]", answer.response.content.decode().replace("ไทย", ""))
    yaml = stranger.client.get("/api/v1/schema/?format=yaml")
    assert yaml.content.startswith(b"openapi: 3.1")


@pytest.mark.django_db
def test_the_docs_page_has_no_inline_script_or_style(stranger: Caller) -> None:
    page = stranger.client.get("/api/v1/docs/")
    html = page.content.decode()
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?! src=)|<style|style=|onload=", html) == []
    script = stranger.client.get("/api/v1/docs/?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert b'url: "/api/v1/schema/"' in script.content.replace(b"\\u002D", b"-")


def resolved(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema behind a reference."""
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rsplit("/", 1)[1]
    found: dict[str, Any] = described["components"]["schemas"][name]
    return found


def test_the_description_in_the_documentation_is_the_codes_own(described: dict[str, Any]) -> None:
    written = yaml.safe_load((settings.BASE_DIR / "docs" / "openapi.yaml").read_text())
    assert written == json.loads(json.dumps(described)), "run make docs"
