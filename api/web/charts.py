"""Charts as SVG, made on the server: they need no script, and a table says the same beside them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from textwrap import wrap
from typing import Annotated, Any

import altair as alt
import vl_convert
from fastapi import Query, Response

# Colours with enough contrast on white, told apart without colour by shape and text too.
BLUE, GREY, RED, BLACK = "#1d70b8", "#505a5f", "#d4351c", "#0b0c0c"

# Text is shown in the reader's own font, which may be wider than what it is measured with here:
# DejaVu Sans and Verdana are, by a fifth. So all is laid out for larger text than is written.
_FONT, _SIZE, _ROOM = "Arial, sans-serif", 14, 1.25
_LAID_OUT = _SIZE * _ROOM
_CONFIG: dict[str, Any] = {
    "font": _FONT,
    "background": "white",
    "view": {"stroke": None},
    "text": {"fontSize": _LAID_OUT},
    "legend": {
        "labelColor": BLACK,
        "labelFontSize": _LAID_OUT,
        "labelLimit": 160 * _ROOM,
        "symbolSize": 160,
        "columnPadding": 28,
    },
    "axis": {
        "labelColor": BLACK,
        "titleColor": BLACK,
        "labelFontSize": _LAID_OUT,
        "titleFontSize": _LAID_OUT,
        "titleFontWeight": "normal",
        "gridColor": "#cecece",
        "labelLimit": 320 * _ROOM,
        "labelLineHeight": _SIZE + 2,
        # A number stands below its tick, also at the ends.
        "labelFlush": False,
    },
}


# A phone is 320 pixels wide or a little more: what is left beside names of rows, or numbers.
BESIDE_NAMES, BESIDE_NUMBERS = 160, 250
_NARROW: dict[str, Any] = {
    "axisX": {"tickCount": 2, "titleLimit": 300 * _ROOM, "titleAnchor": "end"},
    "axisY": {"labelLimit": 130 * _ROOM},
    "legend": {**_CONFIG["legend"], "columns": 1},
}
# Asked of each chart's route by the macro `chart` of the pages.
Narrow = Annotated[bool, Query(description="Whether it is for a phone.")]


@dataclass(frozen=True, slots=True)
class Share:
    """One row of a chart: a value with its 95% interval, in the unit of the axis.

    Without a value only its limits are known, and there is no point on the line.
    """

    label: str
    value: float | None
    lower: float
    upper: float


def shares(
    rows: Sequence[Share],
    axis: str,
    bounds: tuple[float, float] = (0, 100),
    *,
    narrow: bool = False,
) -> str:
    """Values as points with their intervals as lines, one row each, in the order given."""
    data = alt.InlineData(
        values=[asdict(row) | {"label": name(row.label, narrow=narrow)} for row in rows]
    )
    y = alt.Y("label:N", sort=None, title=None, axis=names(narrow=narrow))
    scale = alt.Scale(domain=list(bounds))
    base = alt.Chart(data)
    line = base.mark_rule(strokeWidth=3, color=GREY).encode(
        y=y, x=alt.X("lower:Q", scale=scale, title=axis), x2="upper:Q"
    )
    point = base.mark_point(filled=True, size=140, color=BLUE, opacity=1).encode(
        y=y, x=alt.X("value:Q", scale=scale, title=axis)
    )
    width = BESIDE_NAMES if narrow else 520
    lines = max((len(wrap(row.label, 18)) for row in rows), default=1) if narrow else 1
    step = max(44, 18 * lines + 8)
    return svg((line + point).properties(width=width, height={"step": step}), narrow=narrow)


def name(label: str, *, narrow: bool) -> str:
    """The name of a row for an axis of `names`: a narrow one has it on several lines."""
    return "|".join(wrap(label, 18)) if narrow else label


def names(*, narrow: bool) -> alt.Axis:
    """An axis of names, split where a bar stands."""
    return alt.Axis(labelExpr="split(datum.label, '|')") if narrow else alt.Axis()


def svg(chart: alt.TopLevelMixin, *, narrow: bool = False) -> str:
    """A chart as the text of an SVG document; a ``narrow`` one can be read on a phone."""
    specification: dict[str, Any] = chart.to_dict(validate=False)
    specification["config"] = _CONFIG
    if narrow:
        specification["config"] = _CONFIG | _NARROW
    return _converted(json.dumps(specification, sort_keys=True))


@lru_cache(maxsize=256)
def _converted(specification: str) -> str:
    made: str = vl_convert.vegalite_to_svg(specification)
    return made.replace(f'font-size="{_LAID_OUT}px"', f'font-size="{_SIZE}px"')


def svg_response(content: str) -> Response:
    """A chart at an address of its own, which a page shows as a picture."""
    return Response(content, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
