"""The measures of the register as it is now."""

from sqlalchemy import Connection

from api.services.extracts.current import current_activity, current_records
from api.services.measuring import all_measures
from api.services.register.reading import read_crosswalk, read_possible_links
from api.services.rules import RuleBook
from matcher.outcomes import MeasureInputs, MeasureResult


def register_measures(connection: Connection, book: RuleBook) -> tuple[MeasureResult, ...]:
    """Every measure of the rules, each with the range that possible links leave."""
    inputs = MeasureInputs(
        current_records(connection), read_crosswalk(connection), current_activity(connection)
    )
    return all_measures(book, inputs, read_possible_links(connection))
