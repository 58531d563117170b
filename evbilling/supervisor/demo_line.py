"""LINE in the demo: a process that stands for it, and what the product needs to talk to it."""

from collections.abc import Mapping

COMMAND = "{python} -m simulators.line --port {line_port} --webhook {web_url}/webhooks/line/"


def environ(given: Mapping[str, str], port: int) -> dict[str, str]:
    """Settings for the simulated LINE, in a demo that was given no real account."""
    if not given.get("DEMO") or any(name.startswith("LINE_") for name in given):
        return {}
    url = f"http://127.0.0.1:{port}"
    return {
        # Known to simulators.line as well; worth nothing anywhere else.
        "LINE_CHANNEL_ACCESS_TOKEN": "demo-line-access-token",
        "LINE_CHANNEL_SECRET": "demo-line-channel-secret",
        "LINE_LOGIN_CHANNEL_ID": "2000000001",
        "LINE_LOGIN_CHANNEL_SECRET": "demo-line-login-secret",
        "LINE_BOT_BASIC_ID": "@evdemo",
        "LINE_API_URL": url,
        "LINE_ACCESS_URL": url,
    }
