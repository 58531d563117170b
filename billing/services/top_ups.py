"""A customer tops up the wallet: arrears are paid first."""

from billing.models import Payment
from billing.payments.base import Method
from users.models import Customer


def begin(
    customer: Customer,
    satang: int,
    method: Method,
    *,
    source: str = "",
    visitor: str = "",
    back_to: str = "",
) -> Payment:
    """The row of a top-up; commits. Then ``payments.send``. ``BadAmount`` where no gateway takes it."""
    raise NotImplementedError
