"""Every measure of the rules, with the range that possible links leave."""

import pandas as pd

from api.services.rules import RuleBook
from matcher.outcomes import MeasureInputs, MeasureResult, accept_possible_links, measure_range


def all_measures(
    book: RuleBook, inputs: MeasureInputs, links: pd.DataFrame
) -> tuple[MeasureResult, ...]:
    """Measures in the order of the rules, of records as the inputs' crosswalk links them.

    ``links`` has the columns source_l, record_id_l, source_r, record_id_r and designation.
    """
    refused = inputs.crosswalk
    accepted = accept_possible_links(refused, links)
    return tuple(measure_range(rule, inputs, refused, accepted) for rule in book.measures.values())
