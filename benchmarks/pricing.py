"""``price()`` of a session of 1,000 readings that crosses a price border."""

import statistics
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from benchmarks.options import Options
from benchmarks.report import Part, Row

READINGS = 1_000
TIMES = 200
GOAL_MS = 2.0
START = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)  # Friday 18:00 in Bangkok; On-Peak ends at 22:00


def run(options: Options) -> Part:
    from billing.pricing import Element, Period, Reading, Tariff, Usage, price
    from billing.pricing import Part as Paid

    tariff = Tariff(
        (
            Element(Paid.START, Decimal(10)),
            Element(Paid.ENERGY, Decimal("7.70"), Period.ON_PEAK),
            Element(Paid.ENERGY, Decimal("6.00"), Period.OFF_PEAK),
            Element(Paid.TIME, Decimal("0.50")),
        )
    )
    readings = tuple(
        Reading(START + timedelta(seconds=30 * n + 7), 61 * n) for n in range(READINGS)
    )
    took = []
    for _ in range(TIMES):
        # Made anew each time, so that nothing worked out before is reused.
        usage = Usage(START, START + timedelta(seconds=30 * READINGS), 61 * READINGS, readings)
        before = time.perf_counter()
        bill = price(usage, tariff)
        took.append((time.perf_counter() - before) * 1000)
        assert len({segment.period for line in bill.lines for segment in line.segments}) == 2
    middle = statistics.median(took)
    what = "price() of 1,000 readings across a price border"
    return Part(
        "pricing", (Row(what, f"≤ {GOAL_MS:.0f} ms", f"{middle:.2f} ms", middle <= GOAL_MS),)
    )
