"""What a member is told before we keep anything (PDPA s.23): what, why, how long, whose, which rights.

A change of the text or of the retention table needs a new ``VERSION``; a test says when. Members
are then shown it again, and what each was shown is kept word for word.
"""

from django.template.loader import render_to_string
from django.utils.translation import get_language

from evbilling import retention
from users.models import Company
from users.services.members import Notice

VERSION = "2026-11-20"
TEMPLATE = "member/_notice.html"


def text(company: Company) -> str:
    """The notice of a company in the reader's language, as HTML."""
    rows = [row for row in retention.TABLE if row.personal]
    return render_to_string(TEMPLATE, {"company": company, "rows": rows})


def shown(company: Company) -> Notice:
    """The notice as this reader sees it now."""
    language = (get_language() or "th")[:2]
    return Notice(VERSION, language, text(company))
