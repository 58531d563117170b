"""Half a payment gateway in the environment is refused before anything starts, in one sentence.

No Django here: the supervisor asks first, ``checks`` asks the same of the settings.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from billing.payments import capabilities
from billing.payments.keys import Problem, omise_problems, scb_problems

_OMISE = {
    "public_key": "OMISE_PUBLIC_KEY",
    "secret_key": "OMISE_SECRET_KEY",
    "webhook_secret": "OMISE_WEBHOOK_SECRET",
    "webhook_secret_old": "OMISE_WEBHOOK_SECRET_OLD",
}
_SCB = {
    "api_key": "SCB_API_KEY",
    "api_secret": "SCB_API_SECRET",
    "biller_id": "SCB_BILLER_ID",
    "ref3": "SCB_REF3",
}
_GATEWAYS: tuple[
    tuple[Callable[[Mapping[str, str]], list[tuple[str, Problem]]], dict[str, str]], ...
] = (
    (omise_problems, _OMISE),
    (scb_problems, _SCB),
)
_SENTENCES = {
    Problem.NOT_PUBLIC: "{name} is no public key of Omise: it must begin with pkey_.",
    Problem.NOT_SECRET: "{name} is no secret key of Omise: it must begin with skey_.",
    Problem.MODES_DIFFER: "OMISE_PUBLIC_KEY and OMISE_SECRET_KEY must both be test keys or both live keys.",
    Problem.NOT_BASE64: "{name} is not base64: copy it as Omise shows it.",
    Problem.NOT_A_BILLER: "{name} must have 15 digits.",
    Problem.NOT_A_PREFIX: "{name} may have at most 20 letters and digits.",
}
_TABLES = {"OMISE_CAPABILITIES": capabilities.OMISE, "SCB_CAPABILITIES": capabilities.SCB}
URLS = ("OMISE_API_URL", "OMISE_VAULT_URL", "OMISE_SCRIPT_URL", "SCB_API_URL")
NAMES = (*_OMISE.values(), *_SCB.values(), *URLS, *_TABLES)


def complaints(values: Mapping[str, str]) -> list[str]:
    """What is wrong, one sentence each; ``values`` by the names of ``NAMES``. No secret is repeated."""
    found: list[str] = []
    for problems_of, names in _GATEWAYS:
        given = {field: values.get(name, "") for field, name in names.items()}
        problems = problems_of(given)
        missing = [names[field] for field, problem in problems if problem == Problem.MISSING]
        if missing:
            there = [name for field, name in names.items() if given[field] and field != "ref3"]
            found.append(f"{_listed(there)} set, but {_listed(missing)} not.")
        found += [
            _SENTENCES[problem].format(name=names[field])
            for field, problem in problems
            if problem != Problem.MISSING
        ]
    found += [
        f"{name} must begin with https:// or http://."
        for name in URLS
        if values.get(name) and not values[name].startswith(("https://", "http://"))
    ]
    for name, table in _TABLES.items():
        try:
            capabilities.overridden(table, changes_of(values.get(name, "")))
        except capabilities.BadCapability as problem:
            found.append(f"{name} cannot be read at {problem}; see docs/payments.md.")
    return found


def changes_of(text: str) -> Any:
    """What OMISE_CAPABILITIES says, a JSON object; ``BadCapability`` where it is none."""
    try:
        return json.loads(text or "{}")
    except ValueError:
        raise capabilities.BadCapability("its JSON") from None


def _listed(names: list[str]) -> str:
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
