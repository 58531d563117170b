"""The first run of a real installation: whose it is, and who may sign in."""

import getpass
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace

from evbilling.supervisor.config import value
from evbilling.supervisor.errors import Refused, Stopped
from evbilling.supervisor.postgres import connect
from evbilling.supervisor.processes import Site, Table
from evbilling.supervisor.supervise import Supervisor

QUESTIONS: dict[str, tuple[str, Callable[[str], str]]] = {
    "COMPANY_NAME": ("Company's name: ", input),
    "OWNER_USERNAME": ("Owner's user name: ", input),
    "OWNER_PASSWORD": ("Owner's password (not shown): ", getpass.getpass),
}


def first_owner(supervisor: Supervisor, site: Site, table: Table) -> None:
    """Create company and owner where nobody can sign in yet; ask what the environment omits."""
    if _somebody_can_sign_in(supervisor.servers.database_url):
        return
    answers = {name: value(site.environ, name) for name in QUESTIONS}
    if missing := [name for name, answer in answers.items() if not answer]:
        if not sys.stdin.isatty():
            raise Refused(f"The first run needs {', '.join(missing)} in the environment.")
        answers.update(_ask(supervisor, missing))
    _create(supervisor, site, table, {name: answer or "" for name, answer in answers.items()})


def _somebody_can_sign_in(database_url: str) -> bool:
    with closing(connect(database_url)) as server, server.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM users_admin)")
        return bool(cursor.fetchone() == (True,))


def _ask(supervisor: Supervisor, missing: list[str]) -> dict[str, str]:
    answers: dict[str, str] = {}
    for name in missing:
        question, ask = QUESTIONS[name]
        while not answers.get(name):
            try:
                with supervisor.interruptible():
                    answers[name] = ask(question).strip()
            except EOFError:
                raise Stopped from None
    return answers


def _create(supervisor: Supervisor, site: Site, table: Table, answers: Mapping[str, str]) -> None:
    spec = site.spec("create_admin", table.create_owner, "--username", answers["OWNER_USERNAME"])
    spec = replace(
        spec,
        command=(*spec.command, "--password", answers["OWNER_PASSWORD"]),
        environ={**spec.environ, **answers},
    )
    supervisor.must(supervisor.begin(spec))
