"""Many records that look alike cost no more than their pairs."""

import numpy as np

from matcher.frames import records_from
from matcher.pipeline import link
from tests.spec import shipped

ROW = {"forename": "Olivia", "surname": "Smith", "date_of_birth": "2015-03-04"}


def test_a_thousand_equal_records_are_weighed_and_stay_within_memory() -> None:
    rows = [{**ROW, "record_id": str(n), "postcode": "OL1 1AA"} for n in range(1_000)]
    found = link(records_from(rows), shipped.rules(), shipped.model(), threads=1)
    assert len(found.pairs) == 1_000 * 999 // 2
    assert np.isin(found.clusters.label, np.arange(1_000)).all()
