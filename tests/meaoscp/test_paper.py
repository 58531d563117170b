"""The filled form: MEA's words, our marks, the same bytes for the same run."""

import pytest

from meaoscp import acceptance_pdf, form
from meaoscp.models import AcceptanceRun
from meaoscp.services import acceptance, acceptance_runs
from tests.core.papers import pages
from tests.factories import a_charger
from tests.meaoscp.runs import WHO, a_failed_run, an_acceptance_run, pass_until

pytestmark = pytest.mark.django_db
HEADS = ("การทดสอบ", "Open Charge Point Protocol (OCPP)", "Server", "โครงการ", "วันที่ทดสอบ")


def a_passed_run(connectors: list[int]) -> AcceptanceRun:
    run = an_acceptance_run(a_charger(connectors=2), connectors=connectors)
    pass_until(run)
    acceptance.look()
    run.refresh_from_db()
    return run


def test_it_has_the_five_pages_of_the_form_with_their_heads() -> None:
    papers = pages(acceptance_pdf.printed(a_passed_run([1])))
    assert len(papers) == 5
    for number, text in enumerate(papers, 1):
        lines = text.split("\n")
        assert {"Test Report", "FM-OCPP-T-01 Rev.01-10082020", *HEADS} <= set(lines)
        assert "การไฟฟ้านครหลวง" in lines
        assert "ตลาดสุขใจ ที่จอดรถผู้มาเยือน" in lines
        assert any(line.endswith(f"{number}/5") for line in lines)
    assert {"Charger detail", "Brand - Model", "ABB - Terra AC", "JSON 1.6"} <= set(
        papers[0].split("\n")
    )


def test_every_step_stands_on_its_page_in_the_forms_words() -> None:
    papers = pages(acceptance_pdf.printed(a_passed_run([1])))
    for test in form.FORM:
        lines = papers[test.page - 1].split("\n")
        assert {"ลำดับ", "ลำดับขั้นตอน", "รายละเอียดการทดสอบ", "ผ่าน", "ไม่ผ่าน", "Remark"} <= set(lines)
        for step in test.steps:
            if step.on_paper:
                assert step.title in lines
                assert "." not in step.number or step.number in lines
    assert "Include : transactionId, idTag, timestamp, meterstop" in papers[1]


def test_the_approval_has_names_and_leaves_signatures_to_pens() -> None:
    run = a_passed_run([1])
    AcceptanceRun.objects.update(witnesses=["ผู้ดูแล ฟ้าใส"])
    run.refresh_from_db()
    last = pages(acceptance_pdf.printed(run))[-1].split("\n")
    assert {"Approval", "Name", "Signature", "Issue Date", "Tested by :", "ปิ่น ฟ้าใส"} <= set(last)
    assert last.count("Witnessed by :") == 3
    assert "ผู้ดูแล ฟ้าใส" in last
    assert "สรุปผลการทดสอบ" in last


def test_a_failure_says_why_and_a_skipped_step_too() -> None:
    run = a_failed_run(a_charger(), "8.4")
    acceptance_runs.skip(run, "ไม่มีรถ", actor=WHO)
    text = "".join(pages(acceptance_pdf.printed(run)))
    assert "– ไม่มีรถ" in text
    run = a_failed_run(a_charger(), "8.4")
    assert "The message came without reservationId." in pages(acceptance_pdf.printed(run))[2]


def test_only_a_run_without_a_gap_is_ticked_as_passed() -> None:
    passed = a_passed_run([1])
    open_end = a_failed_run(a_charger(), "8.4")
    acceptance_runs.skip(open_end, "x", actor=WHO)
    assert _result(passed) is True
    assert _result(a_failed_run(a_charger(), "8.4")) is None
    assert _result(open_end) is None
    failed = a_failed_run(a_charger(), "11.10")
    acceptance_runs.next_test(failed, actor=WHO)
    acceptance.advance(failed.pk)
    failed.refresh_from_db()
    assert _result(failed) is False


def _result(run: AcceptanceRun) -> bool | None:
    return acceptance_pdf.result_on(list(run.steps.all()), run, run.connectors[0])


def test_each_connector_has_a_form_of_its_own() -> None:
    assert len(pages(acceptance_pdf.printed(a_passed_run([1, 2])))) == 10


def test_the_same_run_is_the_same_file() -> None:
    run = a_passed_run([1])
    first = acceptance_pdf.printed(run)
    assert acceptance_pdf.printed(AcceptanceRun.objects.get(pk=run.pk)) == first


def test_remarks_of_unusual_length_go_on_overleaf_and_nothing_is_lost() -> None:
    run = a_passed_run([1])
    run.steps.update(remark="word " * 120 + "end")
    papers = pages(acceptance_pdf.printed(run))
    assert len(papers) > 5
    on_paper = sum(step.on_paper for test in form.FORM for step in test.steps)
    assert "".join(papers).count("end") >= on_paper
