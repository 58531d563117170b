"""Builds ``static/icons.svg`` from Tabler's outline icons (MIT): run by hand when the list grows.

Usage: python scripts/icons.py PATH/TO/@tabler/icons/icons/outline
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = sorted(
    [
        "access-point",
        "activity",
        "adjustments",
        "alert-circle",
        "alert-triangle",
        "arrow-back-up",
        "arrow-down-left",
        "arrow-left",
        "arrow-up-right",
        "ban",
        "battery-2",
        "bell",
        "bolt",
        "building-store",
        "calendar",
        "calendar-off",
        "calendar-time",
        "car",
        "cash",
        "charging-pile",
        "check",
        "chevron-down",
        "chevron-right",
        "circle-check",
        "clipboard-check",
        "clock",
        "clock-hour-4",
        "copy",
        "credit-card",
        "device-mobile",
        "dots",
        "dots-vertical",
        "download",
        "edit",
        "eye",
        "eye-off",
        "file-invoice",
        "filter",
        "flag-check",
        "gauge",
        "help-circle",
        "history",
        "id-badge-2",
        "info-circle",
        "key",
        "language",
        "layout-dashboard",
        "list-details",
        "list-search",
        "loader-2",
        "lock",
        "lock-open",
        "logout",
        "map-pin",
        "menu-2",
        "message-2",
        "minus",
        "moon",
        "phone",
        "player-pause",
        "player-play",
        "plug",
        "plug-connected",
        "plug-connected-x",
        "plug-x",
        "plus",
        "power",
        "qrcode",
        "receipt-2",
        "refresh",
        "report-money",
        "router",
        "search",
        "selector",
        "settings",
        "shield-check",
        "shield-lock",
        "sitemap",
        "square",
        "star",
        "tags",
        "toggle-left",
        "trash",
        "trending-down",
        "trending-up",
        "user",
        "users",
        "wallet",
        "wifi-off",
        "x",
    ]
)


def main() -> None:
    folder = Path(sys.argv[1])
    symbols = []
    for name in NAMES:
        svg = (folder / f"{name}.svg").read_text()
        body = " ".join(re.sub(r"^.*?<svg[^>]*>|</svg>\s*$", "", svg, flags=re.DOTALL).split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    text = '<svg xmlns="http://www.w3.org/2000/svg">' + "".join(symbols) + "</svg>\n"
    (ROOT / "static" / "icons.svg").write_text(text)
    print(f"{len(NAMES)} icons, {len(text)} bytes")


if __name__ == "__main__":
    main()
