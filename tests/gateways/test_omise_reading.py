"""What Omise's recorded bodies mean, and who signed a notice."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.payments import capabilities, omise_notice, omise_reading
from billing.payments.base import BadNotice, ChargeStatus, GatewayAway, Method, NotANotice
from billing.payments.capabilities import BadCapability
from simulators.bank.bodies import body, fill

pytestmark = pytest.mark.pure

# The live event of 12 June 2023, shortened as the research kept it.
LIVE = json.loads("""
{"object":"event","id":"evnt_5w2wlnd8izu9br3lt7x","livemode":true,"location":"/events/evnt_5w2wlnd8izu9br3lt7x",
 "webhook_deliveries":[],"key":"charge.complete","created_at":"2023-06-12T00:24:10Z",
 "data":{"object":"charge","id":"chrg_5w2wlnas5shgmvzcz58","location":"/charges/chrg_5w2wlnas5shgmvzcz58",
  "amount":156000,"authorization_type":null,"authorized_amount":156000,"captured_amount":156000,
  "net":153246,"fee":2574,"fee_vat":180,"interest":0,"interest_vat":0,"funding_amount":156000,"refunded_amount":0,
  "transaction_fees":{"fee_flat":"0.0","fee_rate":"1.65","vat_rate":"7.0"},"currency":"THB","funding_currency":"THB",
  "refunds":{"object":"list","data":[],"limit":20,"offset":0,"total":0,"location":"/charges/x/refunds"},
  "description":"CDE0007","metadata":{"apoint":"6"},"card":null,
  "source":{"object":"source","id":"src_5w2wln7eb4s1m0jzw0i","type":"promptpay","flow":"offline","amount":156000,
   "scannable_code":{"object":"barcode","type":"qr","image":{"object":"document","kind":"qr","filename":"qrcode.svg",
    "download_uri":"https://api.omise.co/charges/chrg_5w2wlnas5shgmvzcz58/documents/docu_1/downloads/AAAB"}}},
  "status":"successful","authorized":true,"paid":true,"captured":true,"capture":true,"capturable":false,
  "refundable":true,"reversed":false,"reversible":false,"voided":false,"expired":false,
  "expires_at":"2023-06-13T00:23:42Z","failure_code":null,"failure_message":null,"created_at":"2023-06-12T00:23:42Z"}}
""")
NOW = datetime(2026, 11, 20, 7, 12, tzinfo=UTC)
SECRET, OLD = (base64.b64encode(text).decode() for text in (b"the new secret", b"the old secret"))


def recorded(**fields: Any) -> dict[str, Any]:
    return body("omise_charge", id="chrg_test_1", **fields)


def test_the_recorded_live_charge_is_paid_with_its_fee() -> None:
    charge = omise_reading.charge(LIVE["data"])
    assert (charge.status, charge.captured, charge.currency) == (ChargeStatus.PAID, 156000, "THB")
    assert (charge.fee, charge.fee_vat, charge.refunded) == (2574, 180, 0)
    assert charge.expires_at == datetime(2023, 6, 13, 0, 23, 42, tzinfo=UTC)
    assert charge.key == ""
    uri = omise_reading.picture_uri(LIVE["data"])
    assert uri.startswith("https://api.omise.co/charges/")


def test_the_recorded_waiting_charge_has_no_money_though_it_names_an_authorised_amount() -> None:
    charge = omise_reading.charge(recorded())
    assert charge.status == ChargeStatus.PENDING
    assert (charge.amount, charge.authorised, charge.captured) == (400000, 0, 0)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"status": "pending"}, ChargeStatus.PENDING),
        ({"authorized": True, "capture": False}, ChargeStatus.AUTHORISED),
        ({"authorized": True, "capture": True}, ChargeStatus.PENDING),  # taken later by itself
        ({"status": "successful", "paid": True}, ChargeStatus.PAID),
        ({"status": "successful", "paid": False}, ChargeStatus.UNKNOWN),
        ({"status": "failed"}, ChargeStatus.FAILED),
        ({"status": "expired"}, ChargeStatus.EXPIRED),
        ({"status": "reversed"}, ChargeStatus.RELEASED),
        ({"status": "unknown"}, ChargeStatus.UNKNOWN),
        ({"status": "something new"}, ChargeStatus.UNKNOWN),
    ],
)
def test_each_status_means_one_thing(fields: dict[str, Any], status: ChargeStatus) -> None:
    assert omise_reading.charge(recorded(**fields)).status == status


def test_an_older_refund_without_a_status_is_done_and_a_failed_one_is_none() -> None:
    old = {"object": "refund", "id": "rfnd_1", "amount": 1000, "currency": "thb"}
    waiting = body("omise_refund", id="rfnd_2", amount=5, status="pending")
    failed = body("omise_refund", id="rfnd_3", amount=5, status="failed")
    found = omise_reading.refunds([old, waiting, failed])
    assert [(each.ref, each.done) for each in found] == [("rfnd_1", True), ("rfnd_2", False)]


@pytest.mark.parametrize("nothing", [{}, {"object": "list"}, {"object": "charge"}, {"amount": 1}])
def test_a_body_that_is_no_charge_says_nothing(nothing: dict[str, Any]) -> None:
    with pytest.raises(GatewayAway):
        omise_reading.charge(nothing)


def test_an_amount_that_is_no_whole_number_says_nothing() -> None:
    for wrong in (1.5, "100", True):
        with pytest.raises(GatewayAway):
            omise_reading.charge(recorded(amount=wrong))


# --- notices ----------------------------------------------------------------------------------------


def signed(content: bytes, *secrets: str, age: int = 0) -> dict[str, str]:
    at = str(int(NOW.timestamp()) - age)
    signs = [
        hmac.new(base64.b64decode(secret), at.encode() + b"." + content, hashlib.sha256).hexdigest()
        for secret in secrets
    ]
    return {"Omise-Signature": ",".join(signs), "Omise-Signature-Timestamp": at}


CONTENT = json.dumps(LIVE).encode()


def test_a_signed_notice_says_where_to_look() -> None:
    notice = omise_notice.read(signed(CONTENT, SECRET), CONTENT, NOW, (SECRET,))
    assert (notice.trusted, notice.kind) == (True, "charge.complete")
    assert (notice.event_id, notice.ref) == ("evnt_5w2wlnd8izu9br3lt7x", "chrg_5w2wlnas5shgmvzcz58")
    assert "card" not in json.dumps(notice.body)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ((SECRET,), (SECRET, OLD)),
        ((OLD,), (SECRET, OLD)),
        ((OLD, SECRET), (SECRET,)),
        ((SECRET, OLD), (OLD,)),
    ],
)
def test_while_a_secret_changes_either_signature_is_enough(
    theirs: tuple[str, ...], ours: tuple[str, ...]
) -> None:
    assert omise_notice.read(signed(CONTENT, *theirs), CONTENT, NOW, ours).trusted


@pytest.mark.parametrize("age", [301, -301])
def test_an_old_notice_or_one_from_the_future_is_refused(age: int) -> None:
    with pytest.raises(BadNotice):
        omise_notice.read(signed(CONTENT, SECRET, age=age), CONTENT, NOW, (SECRET,))
    edge = signed(CONTENT, SECRET, age=300 if age > 0 else -300)
    assert omise_notice.read(edge, CONTENT, NOW, (SECRET,)).trusted


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Omise-Signature": "ab"},
        {"Omise-Signature-Timestamp": "1"},
        {"Omise-Signature-Timestamp": "x", "Omise-Signature": "é"},
        signed(CONTENT, OLD),
        signed(b"something else", SECRET),
        signed(CONTENT, SECRET) | {"Omise-Signature": ",".join("ab" for _ in range(50))},
    ],
)
def test_a_notice_not_signed_by_us_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadNotice):
        omise_notice.read(headers, CONTENT, NOW, (SECRET,))


def test_without_a_secret_a_notice_is_only_a_hint() -> None:
    assert omise_notice.read({}, CONTENT, NOW, ()).trusted is False


def test_a_refunds_notice_names_its_charge() -> None:
    refund = body("omise_refund", id="rfnd_1", charge="chrg_test_9")
    event = body("omise_event", id="evnt_1", key="refund.create", data=refund)
    assert omise_notice.read({}, json.dumps(event).encode(), NOW, ()).ref == "chrg_test_9"


@given(st.one_of(st.binary(max_size=60), st.sampled_from([b"[]", b"{}", b'{"object":"event"}'])))
def test_whatever_else_comes_is_no_notice(content: bytes) -> None:
    with pytest.raises(NotANotice):
        omise_notice.read({}, content, NOW, ())


# --- capabilities -----------------------------------------------------------------------------------


def test_an_account_may_differ_from_its_gateway() -> None:
    table = capabilities.overridden(
        capabilities.OMISE,
        {"promptpay": {"least": 1_00, "partial_refund": False, "expires_minutes": 5}, "card": None},
    )
    assert table[Method.PROMPTPAY].takes(1_00)
    assert table[Method.PROMPTPAY].partial_refund is False
    assert table[Method.PROMPTPAY].expires.total_seconds() == 300
    assert Method.CARD not in table
    assert capabilities.OMISE[Method.PROMPTPAY].takes(19_99) is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"bitcoin": {}},
        {"card": {"speed": 1}},
        {"card": {"least": -1}},
        {"card": {"least": 1.5}},
        {"card": {"least": 10**9, "most": 1}},
        {"card": {"hold": 1}},
        {"card": "yes"},
        {"mobile_banking": {"sources": ["alipay"]}},
        [],
    ],
)
def test_what_no_capability_knows_is_refused(wrong: Any) -> None:
    with pytest.raises(BadCapability):
        capabilities.overridden(capabilities.OMISE, wrong)


def test_a_recording_can_only_be_filled_in_where_it_has_a_field() -> None:
    with pytest.raises(KeyError):
        body("omise_charge", qr_payload="ours")
    with pytest.raises(KeyError):
        fill(body("omise_event"), data={}, charge="x")
