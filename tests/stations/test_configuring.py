"""Keys and values as chargers spell them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations import configuring
from stations.configuring import MEASURANDS, ReadKey

pytestmark = pytest.mark.pure
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("60", "60"),
        (60, "60"),
        (60.0, "60"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        (None, None),
        (["a", 1], "a,1"),
        ("a\x00b", "ab"),
    ],
)
def test_values_of_any_type_become_text(value: Any, text: str | None) -> None:
    assert configuring.text_of(value) == text


@pytest.mark.parametrize(
    ("key", "wanted", "value", "same"),
    [
        ("LocalPreAuthorize", "false", "False", True),
        ("LocalPreAuthorize", "false", " FALSE ", True),
        ("LocalPreAuthorize", "false", "true", False),
        ("HeartbeatInterval", "60", "060", True),
        ("HeartbeatInterval", "60", "60.0", True),
        ("HeartbeatInterval", "60", "600", False),
        ("HeartbeatInterval", "60", None, False),
        ("StopTxnSampledData", "", "", True),
        (MEASURANDS, "A,B", ' "b" , a', True),
        (MEASURANDS, "A,B", "A,B,C", True),
        (MEASURANDS, "A,B", "A", False),
        ("StopTxnSampledData", "A,B", "A, B", True),
        ("StopTxnSampledData", "A,B", "A,B,C", False),
    ],
)
def test_values_are_compared_by_meaning(
    key: str, wanted: str, value: str | None, same: bool
) -> None:
    assert configuring.same(key, wanted, value) is same


@pytest.mark.parametrize(
    "key",
    ["AuthorizationKey", "authorizationKEY", "VendorWifiPassword", "ApnPassphrase", "wifi.psk"],
)
def test_keys_that_hold_passwords_are_known_and_their_values_dropped(key: str) -> None:
    answer = {"configurationKey": [{"key": key, "readonly": False, "value": "secret"}]}
    assert configuring.parse(answer).keys == [ReadKey(key, None, False)]
    assert "secret" not in str(configuring.without_secrets(answer))


def test_what_is_wanted_stands_beside_what_is() -> None:
    known = configuring.by_key(
        [ReadKey("a", "1", False), ReadKey("B", "1", False), ReadKey("c", "1", True)]
    )
    wanted = {"A": "1", "b": "2", "C": "2", "d": "1", "e": "1"}
    found = configuring.compare(wanted, known, refused={"e"})
    assert [(c.key, c.state) for c in found] == [
        ("a", "ok"),
        ("B", "drift"),
        ("c", "readonly"),
        ("d", "absent"),
        ("e", "refused"),
    ]


@given(JSON)
def test_no_answer_is_too_strange(answer: Any) -> None:
    for body in (answer, {"configurationKey": answer, "unknownKey": answer}):
        parsed = configuring.parse(body)
        assert all(read.key and "\0" not in (read.value or "") for read in parsed.keys)
        configuring.without_secrets(body)


@given(st.lists(st.fixed_dictionaries({"key": JSON, "readonly": JSON, "value": JSON})))
def test_no_row_is_too_strange(rows: list[Any]) -> None:
    for read in configuring.parse({"configurationKey": rows}).keys:
        (read.key + (read.value or "")).encode()  # PostgreSQL takes it
        configuring.same(read.key, "60", read.value)
