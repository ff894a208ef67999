"""Files that people download hold no formula."""

import csv
import io

import pytest

from api.rest.extracts import rejects_as_csv
from api.services.extracts.listing import RejectView


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_of_a_list_of_rejects_is_a_formula(begins: str) -> None:
    reject = RejectView(1, f"{begins}.csv", -3, begins, "no_name", "a reason", begins)
    text = "".join(rejects_as_csv(iter([[reject]]), named=True))
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["column"], row["file"]) == (f"'{begins}", f"'{begins}.csv")
    assert row["record_id"] == f"'{begins}"
    assert (row["row"], row["code"], row["message"]) == ("-3", "no_name", "a reason")
