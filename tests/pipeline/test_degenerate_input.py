"""Linking of almost nothing, of all the same, and of far too much in one block."""

import numpy as np
import pandas as pd
import pytest

from matcher.deciding import Linked
from matcher.errors import DataError
from matcher.frames import RECORD_COLUMNS, join_records, records_from
from matcher.links import LINK_COLUMNS, link_table
from matcher.pipeline import crosswalk, link, register
from tests.spec import shipped
from tests.spec.drawn import records


def linked(frame: pd.DataFrame) -> Linked:
    return link(frame, shipped.rules(), shipped.model(), threads=1)


def children(found: Linked) -> int:
    """Number of children, once crosswalk, register and links have been made of the run."""
    rules = shipped.rules()
    ids = crosswalk(found)
    golden = register(found, ids, rules)
    assert len(golden) == ids["child_id"].nunique()
    assert tuple(link_table(found, rules.matching).columns) == LINK_COLUMNS
    assert np.isfinite(found.weight).all()
    return len(golden)


def test_one_record_is_one_child() -> None:
    assert children(linked(records("forename | surname\nAisha | Malik"))) == 1


def test_records_that_say_nothing_are_children_of_their_own() -> None:
    found = linked(records_from([{"source": "school"}, {"source": "clinic"}, {"source": "clinic"}]))
    assert found.candidates == 0
    assert children(found) == 3


def test_records_that_all_say_the_same_can_be_linked() -> None:
    same = {
        "forename": "Aisha",
        "surname": "Malik",
        "date_of_birth": "2014-05-03",
        "postcode": "OL1 1AA",
    }
    found = linked(
        records_from({**same, "source": source} for source in ("school", "clinic", "social"))
    )
    assert found.candidates == 3
    assert 1 <= children(found) <= 3


@pytest.mark.parametrize(
    "column", sorted(set(RECORD_COLUMNS) - {"source", "record_id", "role", "name_order"})
)
def test_a_column_that_no_system_holds_is_no_hindrance(column: str) -> None:
    text = """
        source | record_id | forename | surname | date_of_birth | sex | postcode | nhs_number
        school | 1         | Aisha    | Malik   | 2014-05-03    | F   | OL1 1AA  | 9434765919
        clinic | 1         | Aisha    | Malik   | 2014-05-03    | F   | OL1 1AA  | 9434765919
        clinic | 2         | Edward   | Dyson   | 2011-11-27    | M   | OL9 5BB  | 9990000018
    """
    full = records(text)
    full[column] = records_from([{}] * len(full))[column]
    assert children(linked(full)) in {2, 3}


def test_without_a_child_there_is_nothing_to_link() -> None:
    for frame in (records_from([]), records_from([{"role": "carer", "surname": "Malik"}])):
        with pytest.raises(DataError, match="no record of a child"):
            linked(frame)


def test_a_record_id_that_occurs_twice_in_a_source_is_refused() -> None:
    twice = [{"source": "school", "record_id": "1"}] * 2
    with pytest.raises(DataError, match="occurs twice"):
        linked(records_from(twice))
    assert children(linked(records_from([twice[0], {**twice[0], "source": "clinic"}]))) == 2


def test_an_error_tells_nothing_of_the_child() -> None:
    rows = [{"source": "school", "record_id": "KHAN-1", "surname": "Khan"}] * 2
    with pytest.raises(DataError) as error:
        linked(records_from(rows))
    assert "KHAN" not in str(error.value).upper()


def test_thousands_of_records_with_the_same_names_and_nothing_else_are_given_up() -> None:
    size = 5_000
    frame = records_from(
        {"source": "school", "record_id": f"{number:05}", "forename": "Aisha", "surname": "Malik"}
        for number in range(size)
    )
    found = linked(frame)
    assert found.candidates == 0
    every = size * (size - 1) // 2
    assert (size, every) in {(block.records, block.pairs) for block in found.given_up}
    assert children(found) == size


def test_names_in_other_scripts_are_linked_like_any() -> None:
    found = linked(
        records("""
            source | record_id | forename | surname | date_of_birth | postcode
            school | 1         | রহিম     | মিয়া    | 2014-05-03    | OL1 1AA
            clinic | 1         | রহিম     | মিয়া    | 2014-05-03    | OL1 1AA
            school | 2         | محمد     | خان     | 2012-02-29    | OL9 5BB
            clinic | 2         | محمد     | خان     | 2012-02-29    | OL9 5BB
        """)
    )
    level = found.prepared.standardised["forename"].astype(str).tolist()
    assert level[0] == level[2]
    assert level[1] == level[3]
    forename, surname = found.pairs.levels["forename"], found.pairs.levels["surname"]
    assert (0, 0) in zip(forename.tolist(), surname.tolist(), strict=True)
    assert 2 <= children(found) <= 4


def test_a_source_without_children_of_its_own_leaves_no_trace() -> None:
    child = records_from([{"source": "school", "record_id": "1", "surname": "Malik"}])
    carer = records_from([{"source": "clinic", "record_id": "1", "role": "carer"}])
    found = linked(join_records([carer, child]))
    assert crosswalk(found)["source"].astype(str).tolist() == ["school"]
