"""Values as people read them: text without tricks, dates, times and numbers."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

# Not seen although they count as letters or marks.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0") | frozenset(
    chr(code) for code in range(0xFE00, 0xFE10)
)
_LOCAL = ZoneInfo("Europe/London")
_BRACKETS = re.compile(r"\s*\([^()]*\)$")
_FIELDS = {
    "record_id": "ID",
    "nhs_number": "NHS number",
    "upn": "UPN",
    "former_upn": "Former UPN",
    "family_id": "Family ID",
}


# What a run did, of itself and after "in which".
RUN_DID = {
    "link": "Linked extracts",
    "undo": "Undid an extract",
    "decision": "Applied decisions and corrections",
    "record": "Put or deleted one record",
    "relink": "Linked everything again",
    "erasure": "Erased records",
}
IN_RUN = {
    "link": "extracts were linked",
    "undo": "an extract was undone",
    "decision": "decisions and corrections were applied",
    "record": "one record was put or deleted",
    "relink": "everything was linked again",
    "erasure": "records were erased",
}

# What the sources' company is called as a part of a weight, and what it says.
COMPANY = (
    "Systems that hold only one",
    "If these were two children, systems that hold most children would probably hold both",
)


def shown(value: object) -> Markup:
    """Text from data, so that it shows as what it is.

    It cannot change the direction of what is around it, and characters that are not seen are
    named in their place; lines stay lines. Nothing for None, and for no text.
    """
    text = "" if value is None else str(value)
    lines = Markup("<br>").join(_seen(line) for line in text.split("\n"))
    return Markup("<bdi>{}</bdi>").format(lines) if text else Markup()


def marked(value: str, spans: Iterable[tuple[int, int]]) -> Markup:
    """The same, with some of its characters marked: from the first to before the last of each."""
    found, done = Markup(), 0
    for start, end in spans:
        found += _seen(value[done:start]) + Markup("<mark>{}</mark>").format(
            _seen(value[start:end])
        )
        done = end
    return Markup("<bdi>{}</bdi>").format(found + _seen(value[done:]))


def marked_field(value: str, name: str, spans: Iterable[tuple[int, int]]) -> Markup:
    """`marked`, of a day the parts of how people write it. ``spans`` are of YYYY-MM-DD."""
    return marked(*_as_written(value, name, spans))


def marked_words(value: str | None, name: str, spans: Iterable[tuple[int, int]]) -> Markup:
    """What `marked_field` marks, for who cannot see it: such as "3 May, 2014"."""
    text, places = _as_written(value or "", name, spans)
    runs: list[str] = []
    end = 0
    for start, stop in places:
        gap = text[end:start]
        if runs and not gap.strip():
            runs[-1] += gap + text[start:stop]
        else:
            runs.append(text[start:stop])
        end = stop
    return Markup(", ").join(map(shown, runs))


def _as_written(
    value: str, name: str, spans: Iterable[tuple[int, int]]
) -> tuple[str, list[tuple[int, int]]]:
    """A value as it is shown, and where in that the spans are."""
    if name != "date_of_birth":
        return value, list(spans)
    try:
        written = date.fromisoformat(value)
    except ValueError:
        return value, list(spans)
    begins, words_, found, at = {start for start, _ in spans}, day(written).split(), [], 0
    # Day, month and year, and where each begins in YYYY-MM-DD.
    for part, of in zip(words_, (8, 5, 0), strict=True):
        if of in begins:
            found.append((at, at + len(part)))
        at += len(part) + 1
    return " ".join(words_), found


def in_full(parts: Iterable[object]) -> Markup:
    """The parts of a name that are known, as one: they stand in the order of its own script."""
    return shown(" ".join(str(part) for part in parts if part))


def plain(value: object) -> str:
    """`shown` where no markup can stand, such as in an attribute or an option."""
    text = "" if value is None else str(value)
    return "".join(f"[{_called(c)}]" if _is_unseen(c) else c for c in text)


def day(value: date | None) -> str:
    """Such as 3 September 2026."""
    return "" if value is None else f"{value.day} {value:%B %Y}"


def moment(value: datetime | None) -> str:
    """Such as 3 September 2026 at 2:05pm, or at midday, as clocks in England show it."""
    if value is None:
        return ""
    local = (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(_LOCAL)
    return f"{day(local)} at {_clock(local)}"


def _clock(local: datetime) -> str:
    if local.minute == 0 and local.hour in (0, 12):
        return "midday" if local.hour else "midnight"
    half = "am" if local.hour < 12 else "pm"
    return f"{local.hour % 12 or 12}:{local:%M}{half}"


def midnight(now: datetime) -> datetime:
    """When the day began, by clocks in England."""
    return now.astimezone(_LOCAL).replace(hour=0, minute=0, second=0, microsecond=0)


def age(seconds: float) -> str:
    """How long something has waited, in the unit that tells: "3 days", "less than a minute"."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        whole = int(seconds // size)
        if whole:
            return counted(whole, unit)
    return "less than a minute"


def titled(name: str) -> str:
    """A field of a record as people call it: "Date of birth"."""
    return _FIELDS.get(name) or words(name).capitalize()


def named(name: str) -> str:
    """`titled` within a sentence: "date of birth", "NHS number"."""
    title = titled(name)
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def of_field(value: object, name: str) -> Markup:
    """A value of a field: a day as people write it, all else as it is."""
    if name == "date_of_birth" and isinstance(value, str):
        with suppress(ValueError):
            return shown(day(date.fromisoformat(value)))
    return shown(day(value) if isinstance(value, date) else value)


def born(value: object) -> Markup:
    """A date of birth, such as 22 May 2017."""
    return of_field(value, "date_of_birth")


@pass_context
def system(context: Context, name: str) -> Markup:
    """A source by the short title that its definition gives it: "Early help assessments"."""
    return shown(called(name, context["system_titles"]))


@pass_context
def plain_system(context: Context, name: str) -> str:
    """`system` where no markup can stand."""
    return plain(called(name, context["system_titles"]))


def called(name: str, titles: Mapping[str, str]) -> str:
    """A source by its title, without what stands in brackets at the end; else by its name."""
    return _BRACKETS.sub("", titles[name]) if name in titles else sentence(words(name))


def with_titles(text: str, titles: Mapping[str, str]) -> str:
    """Words of the software that name sources by name, with their titles instead."""
    return re.sub(r"\w+", lambda one: called(one[0], titles) if one[0] in titles else one[0], text)


def number(value: float | None, decimals: int = 0) -> str:
    """Such as 12,345."""
    return "" if value is None else f"{value:,.{decimals}f}"


def chance(probability: float) -> str:
    """Such as 88.0%. No weight makes certain, so nothing is told as if it were: "over 99.9%"."""
    if probability >= 0.9995:
        return "over 99.9%"
    if probability < 0.0005:
        return "under 0.1%"
    return f"{100 * probability:.1f}%"


def counted(count: int, thing: str, things: str | None = None) -> str:
    """Such as "1 pair" or "1,200 pairs"."""
    return f"{number(count)} {thing if count == 1 else things or thing + 's'}"


def run_did(kind: str) -> str:
    """What a run of a kind did: "Linked extracts"."""
    return RUN_DID[kind]


def in_run(kind: str) -> str:
    """The same after "in which": "extracts were linked"."""
    return IN_RUN[kind]


def words(name: str) -> str:
    """A name of the rules or of a role, such as early_years, in words: "early years"."""
    return name.replace("_", " ")


def sentence(message: str) -> str:
    """A message of the software as an error message begins: with a capital letter."""
    return message[:1].upper() + message[1:]


def as_typed(text: str) -> str:
    """What was written in a field of several lines, as long as the page counted it."""
    return text.replace("\r\n", "\n").strip()


def _is_unseen(character: str) -> bool:
    return character in _UNSEEN or not character.isprintable()


def _called(character: str) -> str:
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()


def _seen(text: str) -> Markup:
    if text.isprintable() and _UNSEEN.isdisjoint(text):
        return escape(text)
    mark = Markup('<span class="app-unseen">{}</span>')
    return Markup().join(mark.format(_called(c)) if _is_unseen(c) else escape(c) for c in text)
