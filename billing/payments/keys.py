"""What the keys of a gateway must look like: for the environment and for the form of an account.

Pure and without Django, because the supervisor reads it before anything else runs. A problem is
(name of the field, what is wrong with it); whoever shows it has the sentence.
"""

import base64
import binascii
from collections.abc import Mapping
from enum import StrEnum

OMISE_FIELDS = ("public_key", "secret_key", "webhook_secret", "webhook_secret_old")
SCB_FIELDS = ("api_key", "api_secret", "biller_id", "ref3")
SECRETS = frozenset({"secret_key", "webhook_secret", "webhook_secret_old", "api_key", "api_secret"})


class Problem(StrEnum):
    MISSING = "missing"
    NOT_PUBLIC = "not_public"
    NOT_SECRET = "not_secret"  # noqa: S105
    MODES_DIFFER = "modes_differ"
    NOT_BASE64 = "not_base64"
    NOT_A_BILLER = "not_a_biller"
    NOT_A_PREFIX = "not_a_prefix"


def omise_problems(values: Mapping[str, str]) -> list[tuple[str, Problem]]:
    """Nothing set is no problem; public and secret key go together and are both test or both live."""
    given = {name: values.get(name, "") for name in OMISE_FIELDS}
    if not any(given.values()):
        return []
    found = [(name, Problem.MISSING) for name in ("public_key", "secret_key") if not given[name]]
    if not given["webhook_secret"] and given["webhook_secret_old"]:
        found.append(("webhook_secret", Problem.MISSING))
    if given["public_key"] and not given["public_key"].startswith("pkey_"):
        found.append(("public_key", Problem.NOT_PUBLIC))
    if given["secret_key"] and not given["secret_key"].startswith("skey_"):
        found.append(("secret_key", Problem.NOT_SECRET))
    if not found and is_test(given["public_key"]) != is_test(given["secret_key"]):
        found.append(("secret_key", Problem.MODES_DIFFER))
    for name in ("webhook_secret", "webhook_secret_old"):
        if given[name] and not _is_base64(given[name]):
            found.append((name, Problem.NOT_BASE64))
    return found


def scb_problems(values: Mapping[str, str]) -> list[tuple[str, Problem]]:
    """Nothing set is no problem; key, secret and biller id go together."""
    needed = ("api_key", "api_secret", "biller_id")
    if not any(values.get(name) for name in needed):
        return []
    found = [(name, Problem.MISSING) for name in needed if not values.get(name)]
    biller = values.get("biller_id", "")
    if biller and not (len(biller) == 15 and biller.isascii() and biller.isdigit()):
        found.append(("biller_id", Problem.NOT_A_BILLER))
    prefix = values.get("ref3", "")
    if prefix and not (len(prefix) <= 20 and prefix.isascii() and prefix.isalnum()):
        found.append(("ref3", Problem.NOT_A_PREFIX))
    return found


def is_test(key: str) -> bool:
    """Whether a key of Omise moves no real money."""
    return "_test_" in key


def _is_base64(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) >= 8
    except (binascii.Error, ValueError):
        return False
