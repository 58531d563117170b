"""The filled form FM-OCPP-T-01 on paper: MEA's five pages, one set for each connector tested.

Words and order are the form's (annex of MEA announcement 30/2564). Ours are the marks, the values
under each Remark, and the names; signatures and dates of issue are left to pens.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings

from core.pdf import Paper, line_height
from meaoscp import form, words
from meaoscp.form import FormStep, FormTest
from meaoscp.models import AcceptanceRun, AcceptanceStep, StepState
from stations.models import Connector

PAGES = 5
LEFT, WIDTH, TOP, BOTTOM = 15.0, 180.0, 12.0, 283.0
# ลำดับ, ลำดับขั้นตอน, รายละเอียดการทดสอบ, ผ่าน, ไม่ผ่าน, Remark
COLUMNS = (12.0, 19.0, 44.0, 12.0, 14.0, 79.0)
BODY, SMALL, PAD = 9.0, 7.0, 1.1
MONTHS = (
    "มกราคม",
    "กุมภาพันธ์",
    "มีนาคม",
    "เมษายน",
    "พฤษภาคม",
    "มิถุนายน",
    "กรกฎาคม",
    "สิงหาคม",
    "กันยายน",
    "ตุลาคม",
    "พฤศจิกายน",
    "ธันวาคม",
)
BUDDHIST_ERA = 543
WITNESSES = 3
GREY = 110


def printed(run: AcceptanceRun) -> bytes:
    """The form of a run as PDF. The same run gives the same bytes; reasons are in the language of now."""
    steps = list(run.steps.order_by("position"))
    plugs = {c.connector_id: c for c in Connector.objects.filter(charger=run.charger)}
    paper = Paper(f"{form.NAME} {run.charger.charge_point_id}", run.ended_at or run.started_at)
    for connector in run.connectors:
        copy = _Copy(paper, run, connector, steps, plugs)
        copy.draw()
    return paper.bytes()


class _Copy:
    """The five pages about one connector."""

    def __init__(
        self,
        paper: Paper,
        run: AcceptanceRun,
        connector: int,
        steps: Sequence[AcceptanceStep],
        plugs: dict[int, Connector],
    ) -> None:
        self.paper, self.run, self.connector, self.plugs = paper, run, connector, plugs
        self.steps = {s.number: s for s in steps if s.connector_id in (0, connector)}
        self.page = ""

    def draw(self) -> None:
        for page in (1, 2, 3, 4):
            y = self._begin_page(f"{page}/{PAGES}")
            if page == 1:
                y = self._charger_detail(y)
            y = self._title("รายการทดสอบ", y)
            self._table([test for test in form.FORM if test.page == page], y)
        self._approval(self._begin_page(f"{PAGES}/{PAGES}"))

    # --- page heads ------------------------------------------------------------------------------------

    def _begin_page(self, page: str) -> float:
        paper = self.paper
        paper.add_page()
        self.page = page
        paper.write_at(LEFT, TOP, "Test Report", size=16, style="B")
        name = f"{form.NAME} {form.REVISION}"
        paper.write_at(LEFT, TOP + 1.5, name, size=BODY, align="R", width=WIDTH)
        foot = f"{self.run.charger.charge_point_id} · connector {self.connector} · {page}"
        paper.set_text_color(GREY)
        paper.write_at(LEFT, BOTTOM + 1, foot, size=SMALL, align="R", width=WIDTH)
        paper.set_text_color(0)
        rows = (
            ("การทดสอบ", "Open Charge Point Protocol (OCPP)"),
            ("Server", "evbilling OCPP Server"),
            ("โครงการ", self.run.project),
            ("วันที่ทดสอบ", thai_day(self.run.started_at)),
        )
        y = self._pairs(rows, TOP + 10, 118.0)
        paper.write_at(
            LEFT + 122, TOP + 17, "การไฟฟ้านครหลวง", size=13, style="B", align="C", width=58
        )
        english = "Metropolitan Electricity Authority"
        paper.write_at(LEFT + 122, TOP + 24, english, size=SMALL + 1, align="C", width=58)
        return y + 5

    def _charger_detail(self, y: float) -> float:
        tested = ", ".join(
            f"{n} = {plug.kind or 'connector'}" for n, plug in sorted(self.plugs.items()) if n
        )
        rows = (
            ("Brand - Model", self.run.brand_model),
            ("Connector ID", f"0 = charge box, {tested}"),
            ("OCPP version", "JSON 1.6"),
        )
        return self._pairs(rows, self._title("Charger detail", y), WIDTH) + 4

    def _title(self, text: str, y: float) -> float:
        self.paper.write_at(LEFT, y, text, size=11, style="B")
        return y + 7

    def _pairs(self, rows: Sequence[tuple[str, str]], y: float, width: float) -> float:
        """A two-column box; the y below it."""
        paper, label = self.paper, 32.0
        for name, value in rows:
            lines = paper.lines(value, width - label - 3, BODY)
            height = max(7.0, len(lines) * line_height(BODY) + 2 * PAD)
            paper.rect(LEFT, y, label, height)
            paper.rect(LEFT + label, y, width - label, height)
            paper.write_at(LEFT + 1, y + PAD, name, size=BODY)
            paper.paragraph(LEFT + label + 1, y + PAD, lines, size=BODY)
            y += height
        return y

    # --- the table ---------------------------------------------------------------------------------------

    def _table(self, tests: Sequence[FormTest], y: float) -> None:
        y = self._table_head(y)
        for test in tests:
            for step in test.steps:
                if step.on_paper:
                    y = self._row(test, step, y)

    def _table_head(self, y: float) -> float:
        paper, height = self.paper, 12.0
        edges = _edges()
        paper.set_fill_color(235)
        for n, text in ((0, "ลำดับ"), (1, "ลำดับขั้นตอน"), (2, "รายละเอียดการทดสอบ"), (5, "Remark")):
            paper.rect(edges[n], y, COLUMNS[n], height, style="DF")
            size = SMALL if n == 1 else BODY
            paper.write_at(
                edges[n], y + 3.5, text, size=size, style="B", align="C", width=COLUMNS[n]
            )
        both = COLUMNS[3] + COLUMNS[4]
        paper.rect(edges[3], y, both, height / 2, style="DF")
        paper.write_at(edges[3], y + 0.6, "ผลการทดสอบ", size=BODY, style="B", align="C", width=both)
        for n, text in ((3, "ผ่าน"), (4, "ไม่ผ่าน")):
            paper.rect(edges[n], y + height / 2, COLUMNS[n], height / 2, style="DF")
            middle = y + height / 2 + 0.6
            paper.write_at(
                edges[n], middle, text, size=BODY, style="B", align="C", width=COLUMNS[n]
            )
        return y + height

    def _row(self, test: FormTest, step: FormStep, y: float) -> float:
        paper, edges = self.paper, _edges()
        first = step == next(s for s in test.steps if s.on_paper)
        last = step == test.steps[-1]
        found = self.steps.get(step.number)
        width = COLUMNS[5] - 2
        include = paper.lines(step.include, width, SMALL)
        said = paper.lines(remark_of(found), width, SMALL)
        used = (len(include) + len(said)) * line_height(SMALL)
        height = used + 2 * PAD
        height = max(height, 6.4)
        if y + height > BOTTOM:  # remarks of unusual length: the page goes on overleaf
            y = self._table_head(self._begin_page(f"{self.page} +"))
        for n in range(1, 6):
            paper.rect(edges[n], y, COLUMNS[n], height)
        # One box around the test's number, drawn side by side so that it may go on overleaf.
        paper.line(edges[0], y, edges[0], y + height)
        if first:
            paper.line(edges[0], y, edges[1], y)
        if last:
            paper.line(edges[0], y + height, edges[1], y + height)
        middle = y + (height - line_height(BODY)) / 2
        if first:
            paper.write_at(
                edges[0], middle, str(test.number), size=BODY, align="C", width=COLUMNS[0]
            )
        number = step.number if "." in step.number else ""
        paper.write_at(edges[1], middle, number, size=BODY, align="C", width=COLUMNS[1])
        paper.write_at(edges[2] + 1, middle, step.title, size=BODY)
        self._mark(found, y + height / 2)
        self._remark(include, said, y + (height - used) / 2)
        return y + height

    def _mark(self, found: AcceptanceStep | None, middle: float) -> None:
        if found is not None and found.state in (StepState.PASSED, StepState.FAILED):
            column = 3 if found.state == StepState.PASSED else 4
            x = _edges()[column] + COLUMNS[column] / 2 - 1.6
            self.paper.tick(x, middle - 1.6, 3.2)

    def _remark(self, include: Sequence[str], said: Sequence[str], y: float) -> None:
        """The form's own words in grey, what was seen below them in black."""
        paper, x = self.paper, _edges()[5] + 1
        paper.set_text_color(GREY)
        y = paper.paragraph(x, y, include, size=SMALL)
        paper.set_text_color(0)
        paper.paragraph(x, y, said, size=SMALL)

    # --- the last page -----------------------------------------------------------------------------------

    def _approval(self, y: float) -> None:
        paper, widths = self.paper, (36.0, 56.0, 56.0, 32.0)
        names = [*self.run.witnesses, "", "", ""][:WITNESSES]
        rows = [("Approval", "Name", "Signature", "Issue Date")]
        rows += [("Tested by :", self.run.tested_by, "", "")]
        rows += [("Witnessed by :", name, "", "") for name in names]
        for n, row in enumerate(rows):
            x, height = LEFT, 8.0 if n == 0 else 14.0
            for text, width in zip(row, widths, strict=True):
                paper.rect(x, y, width, height)
                align, style = ("C", "B") if n == 0 else ("L", "")
                at = y + (height - line_height(BODY)) / 2
                paper.write_at(
                    x + 1, at, text, size=BODY, style=style, align=align, width=width - 2
                )
                x += width
            y += height
        y = self._title("สรุปผลการทดสอบ", y + 10)
        result = result_on(list(self.steps.values()), self.run, self.connector)
        for n, (text, ticked) in enumerate((("ผ่าน", result is True), ("ไม่ผ่าน", result is False))):
            x = LEFT + 4 + n * 36
            paper.rect(x, y + 1, 4.5, 4.5)
            if ticked:
                paper.tick(x + 0.7, y + 1.5, 3.2)
            paper.write_at(x + 6.5, y + 0.6, text, size=11)


def result_on(steps: Sequence[AcceptanceStep], run: AcceptanceRun, connector: int) -> bool | None:
    """Passed, failed, or neither yet: what was skipped or not asked for decides nothing."""
    if run.is_open:
        return None
    by_number = {s.number: s for s in steps if s.connector_id in (0, connector)}
    lines = [step for test in form.FORM for step in test.steps if step.on_paper]
    states = [by_number[s.number].state for s in lines if s.number in by_number]
    if StepState.FAILED in states:
        return False
    return True if len(states) == len(lines) and set(states) == {StepState.PASSED} else None


def remark_of(step: AcceptanceStep | None) -> str:
    """What stands under the form's own Remark: the values, or why there is no mark or a bad one."""
    if step is None:
        return ""
    if step.state == StepState.FAILED:
        return words.reason(step.reason, step.reason_values)
    if step.state == StepState.SKIPPED:
        return f"– {step.note}"
    return step.remark


def thai_day(at: datetime) -> str:
    """20 พฤศจิกายน 2569, at the station's wall."""
    day = at.astimezone(ZoneInfo(settings.LOCAL_ZONE)).date()
    return f"{day.day} {MONTHS[day.month - 1]} {day.year + BUDDHIST_ERA}"


def _edges() -> list[float]:
    found = [LEFT]
    for width in COLUMNS:
        found.append(found[-1] + width)
    return found
