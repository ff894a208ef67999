"""An evaluation as a plain text and as plain values for JSON."""

from collections.abc import Sequence
from typing import Any

from matcher.evaluate.evaluation import Evaluation
from matcher.evaluate.links import LinkScores
from matcher.evaluate.pairs import GroupScores, PairScores, SizeScores, size_scores
from matcher.intervals import Interval, Proportion

NOT_AVAILABLE = "n/a"


def render_text(result: Evaluation) -> str:
    """The result as plain lines of some 110 characters, for a terminal or a file.

    A share over nothing shows as n/a.
    """
    lines = [
        f"{result.records:,} records of {result.children:,} children in the truth,"
        f" in {result.clusters:,} clusters",
        *_notes(result),
        "",
        *_pair_table(result),
        "",
        f"B-cubed    precision {_share(result.b_cubed.precision)}"
        f"   recall {_share(result.b_cubed.recall)}   F1 {_share(result.b_cubed.f1)}",
    ]
    lines += _group_tables(result.groups)
    if result.links is not None:
        lines += ["", *_link_lines(result.links)]
    lines += ["", "Brackets hold 95% intervals."]
    return "\n".join(lines) + "\n"


def as_dict(result: Evaluation) -> dict[str, Any]:
    """The result as dicts, lists, numbers and None, ready for ``json.dumps``."""
    return {
        "records": result.records,
        "children": result.children,
        "clusters": result.clusters,
        "carers_left_out": result.carers_left_out,
        "not_in_crosswalk": result.not_in_crosswalk,
        "not_in_truth": result.not_in_truth,
        "pairs": _pairs_dict(result.pairs),
        "cross_source": _pairs_dict(result.cross_source),
        "within_source": _pairs_dict(result.within_source),
        "b_cubed": {
            "precision": result.b_cubed.precision,
            "recall": result.b_cubed.recall,
            "f1": result.b_cubed.f1,
        },
        "groups": [
            {
                "column": group.column,
                "value": group.value,
                "records": group.records,
                "children": group.children,
                **_pairs_dict(group.pairs),
                "after_review": group.after_review and _pairs_dict(group.after_review),
            }
            for group in result.groups
        ],
        "group_sizes": [
            {
                "fewest": size.fewest,
                "most": size.most,
                "groups": size.groups,
                **_pairs_dict(size.pairs),
                "after_review": size.after_review and _pairs_dict(size.after_review),
            }
            for size in size_scores(result.groups)
        ],
        "columns_passed_over": list(result.columns_passed_over),
        "links": None if result.links is None else _links_dict(result.links),
    }


def _notes(result: Evaluation) -> list[str]:
    counts = (
        ("Records not in the crosswalk, counted as unlinked", result.not_in_crosswalk),
        ("Crosswalk records not in the truth, left out", result.not_in_truth),
        ("Records of carers, left out", result.carers_left_out),
    )
    notes = [f"{text}: {count:,}" for text, count in counts if count]
    if result.columns_passed_over:
        names = ", ".join(result.columns_passed_over)
        notes.append(f"Columns with too many values to be groups: {names}")
    return notes


def _pair_table(result: Evaluation) -> list[str]:
    rows = [["pairs", "precision", "recall", "F1", "false", "missed"]]
    for name, pairs in (
        ("all", result.pairs),
        ("cross-source", result.cross_source),
        ("within-source", result.within_source),
    ):
        rows.append(
            [
                name,
                _proportion(pairs.precision),
                _proportion(pairs.recall),
                _with_interval(pairs.f1, pairs.f1_interval),
                f"{pairs.false:,}",
                f"{pairs.missed:,}",
            ]
        )
    return _columns(rows)


def _group_tables(groups: tuple[GroupScores, ...]) -> list[str]:
    """A table for each group column, and one for all flags with the pairs that they touch."""
    tables = {
        column: [(group.value, group) for group in groups if group.column == column]
        for column in dict.fromkeys(group.column for group in groups if not group.is_flag)
    }
    flagged = [(group.column, group) for group in groups if group.is_flag and group.value == "1"]
    if flagged:
        tables["either record has"] = flagged
    lines: list[str] = []
    for name, rows in tables.items():
        counted = [(value, group.children, group) for value, group in rows]
        lines += ["", *_group_table(name, "children", counted)]
    sizes = [(_size(size), size.groups, size) for size in size_scores(groups)]
    return lines + (["", *_group_table("children of a group", "groups", sizes)] if sizes else [])


def _size(size: SizeScores) -> str:
    return f"{size.fewest:,} or more" if size.most is None else f"{size.fewest:,} to {size.most:,}"


def _group_table(
    name: str, counted: str, groups: Sequence[tuple[str, int, GroupScores | SizeScores]]
) -> list[str]:
    reviewed = any(group.after_review is not None for *_, group in groups)
    rows = [[name, counted, "precision", "recall", "false", "missed"]]
    rows[0] += ["recall after review"] * reviewed
    for value, count, group in groups:
        row = [
            value,
            f"{count:,}",
            _proportion(group.pairs.precision),
            _proportion(group.pairs.recall),
            f"{group.pairs.false:,}",
            f"{group.pairs.missed:,}",
        ]
        row += [_proportion(group.after_review.recall)] if group.after_review else []
        rows.append(row)
    return _columns(rows)


def _link_lines(links: LinkScores) -> list[str]:
    review = links.after_review
    lines = [
        f"Links {links.links:,}; possible links to review {links.possible:,}"
        f" ({links.possible_per_100_children:.1f} per 100 children),"
        f" of which {links.true_possible:,} are true",
        f"After a perfect reviewer: recall {_proportion(review.recall)},"
        f" precision {_proportion(review.precision)}",
        f"Expected calibration error: {_share(links.calibration_error)}",
    ]
    if links.not_in_truth:
        lines.insert(1, f"Links with a record outside the truth, left out: {links.not_in_truth:,}")
    if links.reliability:
        rows = [["match probability", "links", "expected", "observed"]]
        rows += [
            [
                f"{row.lower:g} to {row.upper:g}",
                f"{row.observed.denominator:,}",
                _share(row.expected),
                _proportion(row.observed),
            ]
            for row in links.reliability
        ]
        lines += ["", *_columns(rows)]
    return lines


def _columns(rows: list[list[str]]) -> list[str]:
    """Rows as lines: the first column flush left, the others flush right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "   ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    ]


def _share(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:.4f}"


def _with_interval(value: float | None, interval: Interval | None) -> str:
    if interval is None:
        return _share(value)
    return f"{_share(value)} [{interval.lower:.4f}, {interval.upper:.4f}]"


def _proportion(share: Proportion) -> str:
    return _with_interval(share.value, share.interval)


def _interval_dict(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.lower, interval.upper]


def _pairs_dict(pairs: PairScores) -> dict[str, Any]:
    return {
        "correct_pairs": pairs.correct,
        "false_pairs": pairs.false,
        "missed_pairs": pairs.missed,
        "precision": pairs.precision.value,
        "precision_interval": _interval_dict(pairs.precision.interval),
        "recall": pairs.recall.value,
        "recall_interval": _interval_dict(pairs.recall.interval),
        "f1": pairs.f1,
        "f1_interval": _interval_dict(pairs.f1_interval),
    }


def _links_dict(links: LinkScores) -> dict[str, Any]:
    return {
        "links": links.links,
        "possible_links": links.possible,
        "true_possible_links": links.true_possible,
        "possible_per_100_children": links.possible_per_100_children,
        "not_in_truth": links.not_in_truth,
        "after_review": _pairs_dict(links.after_review),
        "calibration_error": links.calibration_error,
        "reliability": [
            {
                "lower": row.lower,
                "upper": row.upper,
                "expected": row.expected,
                "links": row.observed.denominator,
                "observed": row.observed.value,
                "observed_interval": _interval_dict(row.observed.interval),
            }
            for row in links.reliability
        ],
    }
