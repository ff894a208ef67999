"""Links as of a past run are found again from what is kept of it."""

from pathlib import Path

import pandas as pd

from api.db.engine import writing
from api.services.register.exporting import Export
from api.services.register.running import relink
from tests.register_service.registers import NOW
from tests.register_service.reviewed import AISHA, PEOPLE, UNSURE, Reviewed
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
