"""The life of an extract: received, validated, accepted, current, superseded.

receiving   keeps the file          reading     makes records of it
quality     reports on them         validation  refuses, stops or lets pass
states      who decided what        changes     compares with what is current
applying    writes, within a run    withdrawal  undoes, within a run
current     reads records and activity, now or as of a past run

Validation looks at the register too, which reads what is here; so it is not among these names.
"""

from api.services.extracts.applying import Applied, apply
from api.services.extracts.changes import Changes, Mode, diff
from api.services.extracts.current import current_activity, current_records
from api.services.extracts.reading import read_as, read_kept
from api.services.extracts.receiving import NewSourceError, Received, receive
from api.services.extracts.states import (
    DayAheadError,
    Due,
    StateError,
    accept,
    can_accept,
    can_refuse,
    can_withdraw,
    check_can_accept,
    check_can_refuse,
    check_can_withdraw,
    extracts_due,
    refuse,
    withdraw,
)
from api.services.extracts.withdrawal import undo

__all__ = [
    "Applied",
    "Changes",
    "DayAheadError",
    "Due",
    "Mode",
    "NewSourceError",
    "Received",
    "StateError",
    "accept",
    "apply",
    "can_accept",
    "can_refuse",
    "can_withdraw",
    "check_can_accept",
    "check_can_refuse",
    "check_can_withdraw",
    "current_activity",
    "current_records",
    "diff",
    "extracts_due",
    "read_as",
    "read_kept",
    "receive",
    "refuse",
    "undo",
    "withdraw",
]
