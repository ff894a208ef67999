"""Clusters, by worked examples and against slow, plain references."""

from collections.abc import Collection
from typing import NamedTuple

import networkx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.cluster import Clusters, cluster
from tests.property.strategies import steady

Pair = tuple[int, int]


class Case(NamedTuple):
    """Sources of records by position, links with weights, and what bears on joining them."""

    source: list[int]
    links: dict[Pair, float]
    apart: frozenset[Pair] = frozenset()
    fitting: frozenset[Pair] = frozenset()
    must: frozenset[Pair] = frozenset()
    cannot: frozenset[Pair] = frozenset()


def clustered(case: Case, shuffled: bool = False) -> Clusters:
    turn = (lambda pairs: pairs[::-1]) if shuffled else (lambda pairs: pairs)
    links = turn(list(case.links))
    return cluster(
        np.array(case.source, dtype=np.int32),
        arrays(links),
        np.array([case.links[pair] for pair in links], dtype=np.float64),
        apart=arrays(turn(sorted(case.apart))),
        fitting=arrays(turn(sorted(case.fitting))),
        must=arrays(turn(sorted(case.must))),
        cannot=arrays(turn(sorted(case.cannot))),
    )


def arrays(pairs: Collection[Pair]) -> tuple[np.ndarray, np.ndarray]:
    l, r = zip(*pairs, strict=True) if pairs else ((), ())
    return np.array(l, dtype=np.int32), np.array(r, dtype=np.int32)


def groups(found: Clusters) -> set[frozenset[int]]:
    labels = found.label.tolist()
    return {frozenset(at for at, own in enumerate(labels) if own == label) for label in labels}


def refused(case: Case, found: Clusters) -> set[Pair]:
    return {pair for pair, no in zip(case.links, found.refused, strict=True) if no}


def greedy(case: Case) -> tuple[set[frozenset[int]], set[Pair]]:
    """Must-links, then links from strong to weak; each merge looked at member by member."""
    of = {at: frozenset([at]) for at in range(len(case.source))}
    barred = case.cannot | case.apart
    refused: set[Pair] = set()

    def conflict(one: int, other: int) -> bool:
        pair = (min(one, other), max(one, other))
        same_source = case.source[one] == case.source[other]
        return pair in barred or (same_source and pair not in case.fitting)

    def ruled_out(one: int, other: int) -> bool:
        return (min(one, other), max(one, other)) in case.cannot

    def join(pair: Pair, against) -> None:
        one, other = of[pair[0]], of[pair[1]]
        if one == other:
            return
        if any(against(a, b) for a in one for b in other):
            refused.add(pair)
            return
        for member in one | other:
            of[member] = one | other

    for pair in sorted(case.must):
        join(pair, ruled_out)
    for pair in sorted(case.links, key=lambda pair: (-case.links[pair], pair)):
        join(pair, conflict)
    return set(of.values()), refused & set(case.links)


often = settings(steady, max_examples=200)
SIZE = 8
pair = st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)).filter(lambda p: p[0] < p[1])
some_pairs = st.frozensets(pair, max_size=6)
# Few weights, so that ties are common.
links = st.dictionaries(pair, st.sampled_from([7.0, 8.0, 9.5]), max_size=14)


@often
@given(links)
def test_where_nothing_is_barred_clusters_are_the_connected_components(
    links: dict[Pair, float],
) -> None:
    case = Case(list(range(SIZE)), links)
    graph = networkx.Graph(list(links))
    graph.add_nodes_from(range(SIZE))
    found = clustered(case)
    assert groups(found) == {frozenset(part) for part in networkx.connected_components(graph)}
    assert not found.refused.any()


@often
@given(
    st.lists(st.integers(0, 4), min_size=SIZE, max_size=SIZE),
    links,
    some_pairs,
    st.frozensets(pair, max_size=12),
    st.frozensets(pair, max_size=3),
    some_pairs,
)
def test_clusters_are_those_of_joining_one_link_after_another(
    source: list[int],
    links: dict[Pair, float],
    apart: frozenset[Pair],
    fitting: frozenset[Pair],
    must: frozenset[Pair],
    cannot: frozenset[Pair],
) -> None:
    case = Case(source, links, apart, fitting, must, cannot)
    found = clustered(case)
    assert (groups(found), refused(case, found)) == greedy(case)
    assert groups(clustered(case, shuffled=True)) == groups(found)
    assert clustered(case, shuffled=True).refused.tolist() == found.refused.tolist()[::-1]


@often
@given(st.integers(0, 10_000))
def test_big_random_graphs_come_out_as_joined_one_by_one(seed: int) -> None:
    numbers = np.random.default_rng(seed)
    size = 60

    def drawn(count: int) -> set[Pair]:
        ends = np.sort(numbers.integers(0, size, (count, 2)), axis=1)
        return {(int(a), int(b)) for a, b in ends if a != b}

    case = Case(
        numbers.integers(0, 12, size).tolist(),
        {pair: float(numbers.integers(70, 90)) / 10 for pair in sorted(drawn(70))},
        apart=frozenset(drawn(15)),
        fitting=frozenset(drawn(300)),
        must=frozenset(drawn(4)),
        cannot=frozenset(drawn(10)),
    )
    found = clustered(case)
    assert (groups(found), refused(case, found)) == greedy(case)


def test_a_label_is_the_position_of_the_clusters_first_record() -> None:
    found = clustered(Case([0, 1, 2, 3, 4], {(1, 3): 9.0, (3, 4): 8.0}))
    assert found.label.tolist() == [0, 1, 2, 1, 1]


def test_the_strongest_link_wins_where_two_cannot_both_be_followed() -> None:
    case = Case([0, 0, 1], {(0, 2): 8.0, (1, 2): 9.0})
    found = clustered(case)
    assert groups(found) == {frozenset([0]), frozenset([1, 2])}
    assert refused(case, found) == {(0, 2)}


def test_a_tie_goes_to_the_first_in_order_of_keys() -> None:
    case = Case([0, 0, 1], {(1, 2): 9.0, (0, 2): 9.0})
    assert groups(clustered(case)) == {frozenset([0, 2]), frozenset([1])}


def test_records_of_one_source_join_only_if_they_fit_each_other() -> None:
    links = {(0, 2): 9.0, (1, 2): 8.0}
    assert len(groups(clustered(Case([0, 0, 1], links)))) == 2
    assert len(groups(clustered(Case([0, 0, 1], links, fitting=frozenset([(0, 1)]))))) == 1


def test_records_kept_apart_are_not_joined_through_a_third() -> None:
    case = Case([0, 1, 2], {(0, 2): 9.0, (1, 2): 8.0}, apart=frozenset([(0, 1)]))
    assert groups(clustered(case)) == {frozenset([0, 2]), frozenset([1])}


def test_a_must_link_joins_what_links_would_not() -> None:
    case = Case([0, 0, 1], {(0, 2): 9.0}, apart=frozenset([(0, 1)]), must=frozenset([(0, 1)]))
    assert groups(clustered(case)) == {frozenset([0, 1, 2])}


def test_a_cannot_link_holds_over_any_weight_and_over_must_links() -> None:
    links = {(0, 1): 99.0}
    assert len(groups(clustered(Case([0, 1], links, cannot=frozenset([(0, 1)]))))) == 2
    both = Case([0, 1], links, must=frozenset([(0, 1)]), cannot=frozenset([(0, 1)]))
    assert len(groups(clustered(both))) == 2


def test_a_cannot_link_holds_through_others() -> None:
    case = Case([0, 1, 2, 3], {(0, 1): 9.0, (1, 2): 8.0, (2, 3): 7.5}, cannot=frozenset([(0, 3)]))
    found = clustered(case)
    assert groups(found) == {frozenset([0, 1, 2]), frozenset([3])}
    assert refused(case, found) == {(2, 3)}


def test_which_of_two_must_links_gives_way_does_not_depend_on_their_order() -> None:
    case = Case([0, 1, 2], {}, must=frozenset([(0, 1), (1, 2)]), cannot=frozenset([(0, 2)]))
    assert groups(clustered(case)) == {frozenset([0, 1]), frozenset([2])}
    assert groups(clustered(case, shuffled=True)) == {frozenset([0, 1]), frozenset([2])}


def test_without_links_every_record_is_a_child() -> None:
    assert clustered(Case([0, 0, 0], {})).label.tolist() == [0, 1, 2]
    assert clustered(Case([], {})).label.tolist() == []
