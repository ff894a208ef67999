"""A measure as a few plain lines: the figure and all that it rests on."""

import textwrap
from fractions import Fraction

from matcher.intervals import Interval, Proportion
from matcher.outcomes.cohort import school_year
from matcher.outcomes.result import MeasureResult
from matcher.outcomes.rounding import round_half_up

NOT_AVAILABLE = "n/a"
WIDTH = 96
_UNITS = {"child": "children", "family": "families"}


def render_text(result: MeasureResult) -> str:
    """Title, value, numerator of denominator, interval, range, not linked, definition.

    Figures are rounded half up to one decimal, from unrounded values. Nothing is suppressed:
    for publication, disclosure control comes first.
    """
    lines = [f"{result.title} ({result.name}, version {result.version})"]
    if not result.computed:
        lines.append(f"  Not computed: {result.why_not}.")
    else:
        lines += [f"  {line}" for line in _figures(result)]
    for sentence in result.definition:
        lines += textwrap.wrap(sentence, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    if result.definitions:
        lines.append(f"  Definitions: {', '.join(result.definitions)}.")
    return "\n".join(lines) + "\n"


def _figures(result: MeasureResult) -> list[str]:
    unit = _UNITS[result.unit]
    unit_after = _after(result)
    year = school_year(result.reception_year) if result.reception_year else ""
    better = "" if result.better == "neither" else f"; {result.better} is better"
    lines = [
        f"{_value(result)}{_limits(result.interval)}, reception year {year}{better}",
    ]
    if result.compared:
        lines += [f"{part.text}: {_share(part.share)}" for part in result.parts]
    else:
        lines.append(f"{result.numerator:,} of {result.denominator:,} {unit}")
    if result.range is not None:
        lines.append(
            f"Possible links all refused: {_number(result.range.refused)}{unit_after};"
            f" all accepted: {_number(result.range.accepted)}{unit_after}"
        )
    for source in result.unlinked_by_source:
        lines.append(f"Not linked: {source.count:,} of {result.cohort:,} children, {source.text}")
    if result.unlinked_in_denominator:
        count = result.unlinked_in_denominator
        lines.append(f"{unit.capitalize()} in the denominator without any linked record: {count:,}")
    lines += [f"Left out: {count.count:,}, {count.text}" for count in result.excluded]
    return lines


def _value(result: MeasureResult) -> str:
    rounded = result.rounded()
    if rounded is None:
        return NOT_AVAILABLE
    return f"{rounded}{_after(result)}"


def _after(result: MeasureResult) -> str:
    return "%" if result.value_unit == "%" else f" {result.value_unit}"


def _share(share: Proportion) -> str:
    counts = f"{share.numerator:,} of {share.denominator:,}"
    if share.interval is None:
        return f"{counts} ({NOT_AVAILABLE})"
    value = round_half_up(Fraction(100 * share.numerator, share.denominator))
    return f"{counts}, {value}%{_limits(share.interval.scaled(100))}"


def _limits(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f" (95% interval {_number(interval.lower)} to {_number(interval.upper)})"


def _number(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else str(round_half_up(Fraction(value)))
