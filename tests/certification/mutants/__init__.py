"""For each case a server that fails just that: run by ``make soak`` (``test_mutants``)."""

from tests.certification.mutants.core import CORE
from tests.certification.mutants.orders import ORDERS
from tests.certification.mutants.profiles import FIRMWARE, LISTS, RESERVATION, SMART_CHARGING
from tests.certification.mutants.security import SECURITY
from tests.certification.mutants.ways import Mutant, answered

# Not a mutant of a case: what it sends is illegal, and the witness has to see it.
ILLEGAL = Mutant(
    "illegal",
    "answers a Heartbeat with a time that is none",
    (answered("Heartbeat", lambda answer: {"currentTime": "later"}),),
)
MUTANTS = {
    mutant.case: mutant
    for mutant in (
        *CORE,
        *ORDERS,
        *LISTS,
        *FIRMWARE,
        *RESERVATION,
        *SMART_CHARGING,
        *SECURITY,
        ILLEGAL,
    )
}
