"""How good the links are, told from weights and from what people decided."""

import math

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from api.db.engine import reading
from api.db.models import Pair
from api.services.quality import WeightBin, expected, last_blocking, reviewed, weight_bins
from tests.register_service.registers import shipped
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed

BINS = st.lists(
    st.builds(
        WeightBin,
        weight=st.integers(-30, 40),
        linked=st.integers(0, 50),
        waiting=st.integers(0, 50),
        apart=st.just(0),
        other=st.integers(0, 50),
    ),
    unique_by=lambda one: one.weight,
)


def test_every_kept_pair_is_in_one_bin_by_what_became_of_it(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        bins = weight_bins(connection, shipped().book.linkage.matching.thresholds)
        count = select(func.count()).select_from(Pair)
        assert sum(one.pairs for one in bins) == connection.scalar(count)
        linked = connection.scalar(count.where(Pair.link == 1))
        assert sum(one.linked for one in bins) == linked
        lowest = connection.execute(select(func.min(Pair.weight))).scalar_one()
    assert bins[0].weight == math.floor(lowest)
    assert [one.weight for one in bins] == sorted({one.weight for one in bins})


@given(bins=BINS, lower=st.integers(-30, 30), gap=st.integers(0, 10))
def test_thresholds_share_out_every_pair(bins: list[WeightBin], lower: int, gap: int) -> None:
    found = expected(bins, lower, lower + gap)
    below = sum(one.pairs for one in bins if one.weight < lower)
    assert found.links + found.queue + below == sum(one.pairs for one in bins)
    higher = expected(bins, lower, lower + gap + 1)
    assert higher.links <= found.links
    assert higher.false_links <= found.false_links
    assert higher.missed == found.missed


def test_what_became_of_pairs_is_told_anew_after_a_run(register: Reviewed) -> None:
    thresholds = shipped().book.linkage.matching.thresholds

    def linked() -> int:
        with reading(register.engine) as connection:
            return sum(one.linked for one in weight_bins(connection, thresholds))

    before = linked()
    register.say("match", AISHA[0], UNSURE)
    assert linked() > before


def test_what_people_decided_is_told_by_band_and_by_source(register: Reviewed) -> None:
    register.say("match", AISHA[0], UNSURE)
    thresholds = shipped().book.linkage.matching.thresholds
    with reading(register.engine) as connection:
        bands, sources = reviewed(connection, thresholds)
    decided = [(band.matches.numerator, band.matches.denominator) for band in bands]
    assert sorted(decided) == [(0, 0), (0, 0), (1, 1)]
    assert decided[0] == (0, 0), "the pair was no link by its weight"
    assert [(one.source, one.false.denominator, one.missed.denominator) for one in sources] == [
        ("clinic", 0, 1),
        ("school", 0, 1),
    ]


def test_what_blocking_saved_is_told_of_the_last_run_over_everything(register: Reviewed) -> None:
    with reading(register.engine) as connection:
        found = last_blocking(connection)
    assert found is not None
    assert found.candidates > 0
    assert 0 < found.saved < 1
    rules = shipped().book.linkage.matching.blocking
    assert [one.rule for one in found.rules] == [rule.name for rule in rules]
    # Each pair that was compared is some rule's, unless one system says they are two children.
    assert max(one.pairs for one in found.rules) <= sum(one.pairs for one in found.rules)
    assert sum(one.pairs for one in found.rules) >= found.candidates
    assert all(one.largest_block > 1 for one in found.rules if one.pairs)
