"""A payload for every kind of message, as its callers write it."""

from typing import Any

STATION = {"station": "ตลาดสุขใจ บางนา", "charger": "SJ-01", "session": 1}
LINK = {"link": "/c/9CTG62EQWT/receipt/12.AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde"}
BILLED: dict[str, Any] = {
    **STATION,
    **LINK,
    "energy": 17_364,
    "amount": "133.67",
    "outstanding": "0.00",
    "started_at": "2026-11-20T13:42:00+00:00",
    "stopped_at": "2026-11-20T14:05:00+00:00",
    "refund": "20.33",
    "refund_how": "gateway",
    "fault": False,
}
STATEMENT = {
    "number": "BN-00001-256911-000012",
    "month": "2026-11",
    "amount": "12450.00",
    "due_on": "2026-12-15",
    "link": "/me/sirinthara/statements/12",
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "session_billed": BILLED,
    "nearly_full": {**STATION, **LINK, "energy": 15_020, "soc": 81},
    "grace_ending": {
        **STATION,
        **LINK,
        "ends_at": "2026-11-20T14:20:00+00:00",
        "per_minute": "3.00",
        "minutes": 10,
    },
    "charger_fault": {**STATION, **LINK, "energy": 4_200},
    "money_back": {
        **STATION,
        **LINK,
        "amount": "154.00",
        "reason": "not_plugged",
        "how": "gateway",
    },
    "payment_late": {**STATION, **LINK, "amount": "154.00", "how": "link"},
    "refund_done": {**STATION, **LINK, "amount": "20.33", "how": "gateway", "number": "RF-0093"},
    "refund_link": {
        **STATION,
        "amount": "20.33",
        "until": "2026-11-27T14:05:00+00:00",
        "reminder": 1,
        "link": "/pay-back/AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_abcde",
    },
    "statement_issued": STATEMENT,
    "statement_due": STATEMENT,
    "statement_overdue": STATEMENT,
    "document": {
        "subject": "ใบกำกับภาษี TI-00001-256911-000003",
        "text": "ใบกำกับภาษีของคุณอยู่ในไฟล์แนบ",
        "filename": "TI-00001-256911-000003.pdf",
    },
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *PAYLOADS.items(),
    ("session_billed", {**BILLED, "fault": True, "refund": None}),
    ("session_billed", {**BILLED, "refund": None, "outstanding": "7.75"}),
    ("session_billed", {**BILLED, "refund": None, "wallet_left": "366.33", "document": "ABB-1"}),
    ("nearly_full", {**STATION, **LINK, "energy": 4_600, "percent": 92}),
]
