"""Half a way to send messages is refused before anything starts, in one sentence. No Django here."""

from collections.abc import Mapping

BACKENDS = ("thaibulksms", "console", "file")
NEEDED = ("SMS_KEY", "SMS_SECRET", "SMS_SENDER")
NAMES = ("SMS_BACKEND", *NEEDED)


def complaints(values: Mapping[str, str]) -> list[str]:
    """What is wrong with these settings, in sentences."""
    chosen = values.get("SMS_BACKEND", "")
    given = [name for name in NEEDED if values.get(name)]
    if chosen and chosen not in BACKENDS:
        return [f"SMS_BACKEND is {chosen!r}; it can be {', '.join(BACKENDS)}."]
    if chosen == "thaibulksms":
        missing = [name for name in NEEDED if name not in given]
        return [f"{name} is not set, and SMS_BACKEND is thaibulksms." for name in missing]
    if given and not chosen:
        return [f"{given[0]} is set, but SMS_BACKEND is not: set it to thaibulksms."]
    return []
