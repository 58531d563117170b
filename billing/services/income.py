"""Which income a bill is, by what was paid for. VAT is split off once, over the total."""

from collections.abc import Sequence

from billing.models import Account, AccountKind
from billing.money import share
from billing.pricing import Bill, Line, Part
from billing.services import ledger
from users.models import Company

KINDS: dict[Part, AccountKind] = {
    Part.PARKING: AccountKind.PARKING_INCOME,
    Part.PENALTY: AccountKind.PENALTY_INCOME,
    Part.RESERVATION: AccountKind.RESERVATION_INCOME,
}
# What is left uncollected first, when a guest's money does not reach.
LAST = (Part.PENALTY, Part.PARKING, Part.RESERVATION)


def uncollected(priced: Bill, most: int | None) -> int:
    """Satang of the stay beyond ``most``, a guest's money: nobody owes them, they are no income.

    ``most`` None: somebody answers for all of it.
    """
    if most is None:
        return 0
    stay = sum(line.amount for line in priced.lines if line.part in KINDS)
    return min(stay, max(priced.total - most, 0))


def credits(company: Company, priced: Bill, net: int, missing: int = 0) -> list[ledger.Posting]:
    """The income side of a bill: ``net`` satang, VAT taken off, by what they were paid for.

    ``missing``: satang of the lines that nobody pays; they come off the stay first.
    """
    grosses = _grosses(priced.lines, missing)
    kinds = list(grosses)
    parts = share(net, [grosses[kind] for kind in kinds])
    return [
        ledger.credit(_account(company, kind), part)
        for kind, part in zip(kinds, parts, strict=True)
        if part
    ]


def _grosses(lines: Sequence[Line], missing: int) -> dict[AccountKind, int]:
    grosses = {AccountKind.INCOME: 0}
    for line in lines:
        kind = KINDS.get(line.part, AccountKind.INCOME)
        grosses[kind] = grosses.get(kind, 0) + line.amount
    for part in (*(KINDS[part] for part in LAST), AccountKind.INCOME):
        off = min(grosses.get(part, 0), missing)
        if off:
            grosses[part] -= off
            missing -= off
    return grosses


def _account(company: Company, kind: AccountKind) -> Account:
    return ledger.account(company, kind)
