"""Random small tables, and random rules over their columns."""

from hypothesis import Phase, settings
from hypothesis import strategies as st

from matcher.rules.matching import BlockingRule, Comparison

# The same examples every time, so that a failure is a change and never luck.
steady = settings(max_examples=60, deadline=None, derandomize=True, phases=(Phase.generate,))

COLUMNS = ("forename", "surname", "other")
# Few values, so that they meet; alike, so that spelling matters; two words, so that they share.
VALUES = ("AMINA", "AMINAH", "MINA", "ANNA", "AMINA ANNA", "ZOE", "রহিম")

cells = st.one_of(st.none(), st.sampled_from(VALUES))
rows = st.fixed_dictionaries(dict.fromkeys(COLUMNS, cells))
tables = st.lists(rows, max_size=9)
# recordlinkage divides by the number of possible pairs, so it needs one.
linkable_tables = st.lists(rows, min_size=2, max_size=9)

columns = st.sampled_from(COLUMNS)
some_columns = st.lists(columns, min_size=1, max_size=2, unique=True)
two_columns = st.lists(columns, min_size=2, max_size=2, unique=True)


def _plain_conditions() -> st.SearchStrategy[dict]:
    return st.one_of(
        st.fixed_dictionaries({"same": some_columns}),
        st.fixed_dictionaries({"same_across": two_columns}),
        st.fixed_dictionaries({"swapped": two_columns}),
        st.fixed_dictionaries({"present": some_columns}),
        st.fixed_dictionaries({"either": columns}),
        st.fixed_dictionaries({"shares": columns}),
        st.fixed_dictionaries(
            {
                "jaro_winkler": st.fixed_dictionaries(
                    {"column": columns, "at_least": st.sampled_from([0.7, 0.85, 0.92])}
                )
            }
        ),
        st.fixed_dictionaries(
            {
                "edits": st.fixed_dictionaries(
                    {
                        "column": columns,
                        "at_most": st.integers(1, 2),
                        "min_length": st.integers(1, 5),
                    }
                )
            }
        ),
        st.fixed_dictionaries(
            {
                "starts_with": st.fixed_dictionaries(
                    {"column": columns, "min_length": st.integers(1, 5)}
                )
            }
        ),
    )


def _combined(parts: st.SearchStrategy[dict]) -> st.SearchStrategy[dict]:
    several = st.lists(parts, min_size=1, max_size=3)
    return st.one_of(
        st.fixed_dictionaries({"all": several}),
        st.fixed_dictionaries({"any": several}),
        st.fixed_dictionaries({"not": parts}),
    )


conditions = st.recursive(_plain_conditions(), _combined, max_leaves=5)


@st.composite
def comparisons(draw: st.DrawFn, name: str = "plain", earlier: tuple[Comparison, ...] = ()):
    """A comparison; with ``earlier`` ones, an interaction of their levels."""
    own = conditions
    if earlier:
        own = st.recursive(
            st.one_of(_level_conditions(earlier), _plain_conditions()), _combined, max_leaves=4
        )
    whens = draw(st.lists(own, min_size=1, max_size=4))
    levels = [
        {
            "name": f"level {number}",
            "when": when,
            "reason": f"reason {number}",
            "evidence": draw(st.sampled_from([True, True, True, False])),
            "term_frequency": draw(st.sampled_from([None, None, "forename"])),
            "keeps_apart": draw(st.sampled_from([False, False, True])),
        }
        for number, when in enumerate(whens)
    ]
    levels.append({"name": "last", "reason": "none of these"})
    needs = draw(st.lists(columns, max_size=2, unique=True))
    return Comparison.model_validate(
        {"name": name, "title": name.title(), "needs": needs, "levels": levels}
    )


def _level_conditions(earlier: tuple[Comparison, ...]) -> st.SearchStrategy[dict]:
    @st.composite
    def build(draw: st.DrawFn) -> dict:
        chosen = draw(st.lists(st.sampled_from(earlier), min_size=1, unique_by=lambda c: c.name))
        return {
            "levels": {
                rule.name: draw(
                    st.lists(
                        st.sampled_from([*(level.name for level in rule.levels), "missing"]),
                        min_size=1,
                        max_size=3,
                        unique=True,
                    )
                )
                for rule in chosen
            }
        }

    return build()


@st.composite
def blocking_rules(draw: st.DrawFn, name: str = "rule", *, largest: int = 2_000) -> BlockingRule:
    key = draw(some_columns)
    against = draw(
        st.one_of(st.none(), st.lists(columns, min_size=len(key), max_size=len(key), unique=True))
    )
    return BlockingRule(name=name, key=key, against=against, largest_block=largest)


@st.composite
def blocking_rule_sets(draw: st.DrawFn) -> list[BlockingRule]:
    count = draw(st.integers(1, 4))
    return [draw(blocking_rules(f"rule {number}")) for number in range(count)]
