"""Other rules, another model or other thresholds: tried first, then put in force or not.

What is tried is kept as text. A preview is of the run that was the last one when it was asked
for; once there is another run, or something else waits for one, it can only be made again.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from api.db.models import Audit, ModelFile, PreviewRow, RuleSet, Run
from api.db.tables import in_utc
from api.services.access.agreements import unchanged_agreements
from api.services.access.audit import note_act
from api.services.register.kept_rules import InForce, rules_in_force
from api.services.register.preview import MovedLinks, Pairs, Preview, preview
from api.services.register.previewed import Previewed, check_last_run
from api.services.register.reading import last_run
from api.services.register.running import relink
from api.services.review.ending import end_settled_leases
from api.services.rules import load_rule_book
from api.services.scratch import scratch_folder
from api.services.work import JobView, Task, ask_to_cancel, enqueue, jobs_by_id
from matcher.errors import DataError, MatcherError, RuleError
from matcher.progress import Observer
from matcher.rules.model import load_model

PREVIEW = "preview"
COMMIT = "commit_preview"

# Of rules that are sent, in bytes and files.
LARGEST_RULES = 8 * 1024**2
MOST_FILES = 400
# How many pairs of ids are told of each kind of change.
_TOLD = 100

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_MATCHING = "matching.yaml"


class PreviewError(MatcherError):
    """What was sent to be tried cannot be used; says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried; what is missing stays as it is in force."""

    files: Mapping[str, str] | None = None
    model: str | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class PreviewView:
    """A preview as it stands; ``found`` once it is done."""

    id: int
    after_run: int
    last_run: int
    by: str
    created_at: datetime
    rules_sent: bool
    model_sent: bool
    lower: float | None
    upper: float | None
    found: Mapping[str, Any] | None
    job: JobView
    commit_job: JobView | None


def read_rules_zip(content: bytes) -> dict[str, str]:
    """Rule files by name. Raises PreviewError for anything but a zip of a few YAML files."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            if not entries or len(entries) > MOST_FILES:
                raise PreviewError(f"send a zip of 1 to {MOST_FILES} rule files")
            if sum(one.file_size for one in entries) > LARGEST_RULES:
                raise PreviewError("the rules unpack to more than rules can need")
            return {_name(one.filename): _text(archive.read(one)) for one in entries}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError):
        raise PreviewError("send the rules as a zip that is not damaged or locked") from None


def _name(name: str) -> str:
    path = PurePosixPath(name)
    good = all(_PART.fullmatch(part) for part in path.parts) and path.suffix == ".yaml"
    if not good or path.as_posix() != name or path.parts[0] == "models":
        raise PreviewError(
            "a zip of rules holds .yaml files only, with plain names below its top, and no "
            "models; send a model by itself"
        )
    return name


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise PreviewError("rules are written in UTF-8") from None
    if "\x00" in text:
        raise PreviewError("rules hold no null characters")
    return text


def ask_for_preview(connection: Connection, wanted: Wanted, *, by: str, now: datetime) -> int:
    """Queue a preview; its number. Raises PreviewError if nothing is to be tried.

    Raises DataError if the register is empty.
    """
    if wanted == Wanted():
        raise PreviewError("send rules, a model, or thresholds")
    latest = last_run(connection)
    if not latest:
        raise DataError("the register is empty; ingest and link an extract first")
    row = {
        "after_run": latest,
        "files": None if wanted.files is None else dict(wanted.files),
        "model": wanted.model,
        "lower": wanted.lower,
        "upper": wanted.upper,
        "by": by,
        "created_at": now,
    }
    number: int = connection.execute(
        insert(PreviewRow).values(row).returning(PreviewRow.id)
    ).scalar_one()
    job = enqueue(connection, PREVIEW, {"preview": number}, by)
    connection.execute(update(PreviewRow).where(PreviewRow.id == number).values(job=job))
    note_act(connection, "preview_asked", f"preview {number}", by=by, now=now)
    return number


def find_preview(connection: Connection, number: int) -> PreviewView | None:
    """A preview, unless there is none or it was discarded."""
    row = _row(connection, number)
    return None if row is None else _views(connection, [row])[0]


def list_previews(connection: Connection, *, limit: int = 50) -> list[PreviewView]:
    """Those that were not discarded, the latest first."""
    table = PreviewRow.__table__
    query = select(table).where(table.c.job.is_not(None)).order_by(table.c.id.desc()).limit(limit)
    return _views(connection, connection.execute(query).all())


def _views(connection: Connection, rows: Sequence[Row[Any]]) -> list[PreviewView]:
    jobs = jobs_by_id(
        connection, [job for row in rows for job in (row.job, row.commit_job) if job is not None]
    )
    latest = last_run(connection)
    return [
        PreviewView(
            id=row.id,
            after_run=row.after_run,
            last_run=latest,
            by=row.by,
            created_at=in_utc(row.created_at),
            rules_sent=row.files is not None,
            model_sent=row.model is not None,
            lower=row.lower,
            upper=row.upper,
            found=row.found,
            job=jobs[row.job],
            commit_job=None if row.commit_job is None else jobs[row.commit_job],
        )
        for row in rows
    ]


def commit_preview(connection: Connection, number: int, *, by: str, now: datetime) -> int:
    """Queue that what was tried is put in force; the job. The caller has seen that it may be."""
    job = enqueue(connection, COMMIT, {"preview": number}, by)
    mine = update(PreviewRow).where(PreviewRow.id == number)
    connection.execute(mine.values(commit_job=job))
    note_act(connection, "preview_committed", f"preview {number}", by=by, now=now)
    return job


def discard_preview(connection: Connection, number: int, *, by: str, now: datetime) -> None:
    """Forget a preview, and stop working on it."""
    row = _row(connection, number)
    if row is None:
        return
    ask_to_cancel(connection, row.job)
    connection.execute(delete(PreviewRow).where(PreviewRow.id == number))
    note_act(connection, "preview_discarded", f"preview {number}", by=by, now=now)


def was_discarded(connection: Connection, number: int) -> bool:
    """Whether there was such a preview, which somebody discarded."""
    own = (Audit.action == "preview_discarded", Audit.about == f"preview {number}")
    return connection.scalar(select(Audit.id).where(*own).limit(1)) is not None


@contextmanager
def prepare_preview(
    connection: Connection, task: Task, observer: Observer
) -> Iterator[Callable[[Connection], Mapping[str, Any]]]:
    """Find out what it would do; what is yielded writes that down."""
    number = int(task.request["preview"])
    found = mark = None
    row = _row(connection, number)
    if row is not None:
        check_last_run(connection, row.after_run)
        with _offered(connection, row) as offered:
            said = preview(connection, offered, observer=observer)
            found, mark = _as_dict(said), said.mark
            before = rules_in_force(connection, offered).book
            found["agreements"] = unchanged_agreements(connection, before, offered.book)

    def finish(write: Connection) -> Mapping[str, Any]:
        mine = update(PreviewRow).where(PreviewRow.id == number)
        kept = write.execute(mine.values(found=found, mark=mark)).rowcount if found else 0
        return {"preview": number, "discarded": kept == 0}

    yield finish


def do_commit(connection: Connection, task: Task, observer: Observer) -> Mapping[str, Any]:
    """Put it in force, in a run. Raises DataError if that would not do what was told."""
    row = _row(connection, int(task.request["preview"]))
    if row is None:
        raise DataError("the preview was discarded; nothing was changed")
    with _offered(connection, row) as offered:
        result = relink(
            connection,
            offered,
            by=task.by,
            now=datetime.now(UTC),
            previewed=Previewed(row.after_run, frozenset({row.mark})),
            observer=observer,
        )
        end_settled_leases(connection, datetime.now(UTC))
    return {"preview": row.id, "runs": [result.run]}


def _row(connection: Connection, number: int) -> Row[Any] | None:
    table = PreviewRow.__table__
    asked = table.c.id == number, table.c.job.is_not(None)
    return connection.execute(select(table).where(*asked)).one_or_none()


@contextmanager
def _offered(connection: Connection, row: Row[Any]) -> Iterator[InForce]:
    """The rules and the model that are tried, whose files are there while this is open."""
    query = select(RuleSet.files, ModelFile.content).select_from(Run)
    query = query.join(RuleSet, RuleSet.hash == Run.rules)
    known = connection.execute(
        query.join(ModelFile, ModelFile.hash == Run.model).where(Run.id == row.after_run)
    ).one()
    files = dict(row.files or known.files)
    if row.lower is not None or row.upper is not None:
        files[_MATCHING] = _with_thresholds(files.get(_MATCHING, ""), row.lower, row.upper)
    with scratch_folder() as folder:
        (folder / "rules").mkdir()
        for name, text in files.items():
            path = folder / "rules" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        model = folder / "model.yaml"
        model.write_text(row.model or known.content, encoding="utf-8")
        try:
            book = load_rule_book(folder / "rules")
            offered = InForce(book, load_model(model, book.linkage.matching))
        except RuleError as error:
            # As its sender knows the files, not where they lie here.
            lines = [
                f"{_known_as(one.file, folder)}:{one.line}: {one.message}" for one in error.problems
            ]
            raise PreviewError("\n".join(lines).replace(str(folder), "")) from None
        except MatcherError as error:
            raise PreviewError(str(error).replace(f"{folder}/", "")) from None
        yield offered


def _known_as(file: Path, folder: Path) -> str:
    inside = folder / "rules"
    return file.relative_to(inside).as_posix() if file.is_relative_to(inside) else file.name


def _with_thresholds(text: str, lower: float | None, upper: float | None) -> str:
    """matching.yaml with other thresholds, all else in it as it is written."""
    for name, value in (("lower", lower), ("upper", upper)):
        if value is None:
            continue
        line = re.compile(rf"^(thresholds:\n(?:[ #].*\n|\n)*?  {name}:)[^\n]*", re.MULTILINE)
        text, found = line.subn(rf"\g<1> {value:g}", text)
        if found != 1:
            raise PreviewError(
                f"matching.yaml does not say `{name}:` in a line of its own below `thresholds:`; "
                "send rules with the thresholds that you mean"
            )
    return text


def _as_dict(found: Preview) -> dict[str, Any]:
    return {
        "after_run": found.after_run,
        "rules": found.rules,
        "model": found.model,
        "counts": asdict(found.counts),
        "founded": len(found.founded),
        "restored": len(found.restored),
        "retired": len(found.retired),
        "merges": _told(found.merges),
        "splits": _told(found.splits),
        "moves": _told(found.moves),
        "links": _moved(found.links),
        "possible": _moved(found.possible),
        "conflicts": asdict(found.conflicts) | {"after": found.conflicts.after},
        "queue_growth": found.queue_growth,
        "contradicted": [one.decision for one in found.contradicted if not one.already][:_TOLD],
        "contradicted_already": sum(one.already for one in found.contradicted),
        "measures": [one.as_dict() for one in found.measures],
    }


def _told(pairs: tuple[Pairs, ...]) -> dict[str, Any]:
    """How many pairs of child and successor there are, of how many children, and the first."""
    return {
        "count": len(pairs),
        "of": len({child for child, _ in pairs}),
        "children": [list(pair) for pair in pairs[:_TOLD]],
    }


def _moved(links: MovedLinks) -> dict[str, int]:
    return {
        "before": links.before,
        "gained": len(links.gained),
        "lost": len(links.lost),
        "after": links.after,
    }
