"""Tables of values as written, and what standardising makes of them, apart by ``=>``."""

from matcher.frames import records_from
from matcher.standardise import standardise
from tests.spec import shipped
from tests.spec.drawn import rows_of

Table = list[dict[str, str]]


def standardised(text: str) -> tuple[Table, Table]:
    """The right half of the drawn table as it should be and as it is."""
    halves = [line.split("=>") for line in text.strip().splitlines()]
    given, expected = (rows_of(half[side] for half in halves) for side in (0, 1))
    columns = [name.strip() for name in halves[0][1].split("|")]
    rules = shipped.rules()
    frame = standardise(records_from(given), rules.names, rules.values)[columns].astype(object)
    found = [
        {name: value for name, value in row.items() if isinstance(value, str)}
        for row in frame.to_dict("records")
    ]
    return expected, found
