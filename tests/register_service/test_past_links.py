"""Links as of a past run are found again from what is kept of it."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from api.db.engine import writing
from api.services.register.exporting import Export
from api.services.register.running import relink
from tests.register_service.registers import NOW, Key
from tests.register_service.reviewed import AISHA, PEOPLE, UNSURE, Reviewed, with_values
from tests.register_service.test_export import exported
from tests.register_service.test_preview import thresholds


def test_links_are_as_they_were_after_each_run_whatever_happened_since(
    register: Reviewed, tmp_path: Path
) -> None:
    """Loads, decisions, one taken back, values that changed, and other rules."""
    then = [exported(register.engine, Export.LINKS, tmp_path).read_bytes()]

    def after_a_run() -> None:
        then.append(exported(register.engine, Export.LINKS, tmp_path).read_bytes())

    decision = register.say("match", AISHA[0], UNSURE)
    after_a_run()
    register.say("non_match", AISHA[0], AISHA[1])
    after_a_run()
    register.take_back(decision)
    after_a_run()
    moved = [{**one, "postcode": "OL9 5BB"} for one in PEOPLE if one["source"] == "clinic"]
    register.load_people(moved)
    after_a_run()
    with writing(register.engine) as connection:
        relink(connection, thresholds(tmp_path, -1, 9), by="steward", now=NOW)
    after_a_run()
    assert len(set(then)) == len(then)
    for run, links in enumerate(then, start=1):
        again = exported(register.engine, Export.LINKS, tmp_path, as_of_run=run)
        assert again.read_bytes() == links, run


def link_of(register: Reviewed, folder: Path, ends: set[Key], **when: int) -> Any:
    """The exported row about two records."""
    rows = pd.read_csv(exported(register.engine, Export.LINKS, folder, **when), dtype=str)
    both = [(row.source_l, row.record_id_l) for row in rows.itertuples()]
    other = [(row.source_r, row.record_id_r) for row in rows.itertuples()]
    (at,) = [at for at, own in enumerate(zip(both, other, strict=True)) if set(own) == ends]
    return rows.iloc[at]


def test_neither_links_nor_the_queue_weigh_or_say_that_a_shielded_childs_home_is_the_same(
    register: Reviewed, tmp_path: Path
) -> None:
    """A record with the child's own postcode waits; in the first run it had none."""
    like = {"forename": "Aishah", "surname": "Malik", "date_of_birth": "2014-06-03"}
    register.load_people(with_values(UNSURE, **like, postcode="OL1 1AA"))
    (waiting,) = [one for one in register.queue() if UNSURE in (one.l, one.r)]
    assert "postcode" in "".join(waiting.reasons)
    pairs = {"link": set(AISHA[:2]), "possible": {waiting.l, waiting.r}}
    before = {kind: link_of(register, tmp_path, ends) for kind, ends in pairs.items()}
    register.shield(AISHA[0])
    for kind, ends in pairs.items():
        for when in ({}, {"as_of_run": 2}):
            row = link_of(register, tmp_path, ends, **when)
            assert row.designation == kind == before[kind].designation
            assert "address" not in row.reason and "postcode" not in row.reason
            assert "surname is the same" in row.reason
            assert float(row.match_weight) < float(before[kind].match_weight) - 1
            assert float(row.match_probability) == pytest.approx(
                1 / (1 + 2 ** -float(row.match_weight)), abs=1e-4
            )
    (bare,) = [one for one in register.queue() if UNSURE in (one.l, one.r)]
    told = link_of(register, tmp_path, pairs["possible"])
    assert bare.weight == pytest.approx(float(told.match_weight), abs=0.001)
    assert bare.probability == pytest.approx(float(told.match_probability), abs=1e-5)
    assert "; ".join(bare.reasons) == told.reason


def test_links_of_a_past_run_tell_nothing_of_what_was_severed_since(
    register: Reviewed, tmp_path: Path
) -> None:
    register.sever(AISHA[:1], AISHA[1:])
    told = exported(register.engine, Export.LINKS, tmp_path, as_of_run=1)
    links = pd.read_csv(told, dtype=str)
    ends = {
        frozenset({(row.source_l, row.record_id_l), (row.source_r, row.record_id_r)})
        for row in links.itertuples()
    }
    severed = {frozenset({AISHA[0], other}) for other in AISHA[1:]}
    assert not ends & severed
    assert frozenset(AISHA[1:]) in ends
