"""The rules and the model that the register goes by, kept in it by their hashes.

The register keeps to them whatever the folder of rules says by now, until a person
commits others (see `relink`).
"""

import shutil
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select

from api.db.models import ModelFile, RuleSet, Run
from api.services.rules import POLICIES, RuleBook, load_rule_book, shipped_rules
from api.services.scratch import scratch_folder
from matcher.errors import DataError
from matcher.rules.model import Model, load_model


@dataclass(frozen=True)
class InForce:
    """A rule book with the model that weighs by it."""

    book: RuleBook
    model: Model

    def same_as(self, other: "InForce") -> bool:
        """Whether nothing at all differs."""
        return (self.book.content_hash, self.model.content_hash) == (
            other.book.content_hash,
            other.model.content_hash,
        )


def keep_rules(connection: Connection, rules: InForce, *, now: datetime) -> None:
    """Keep the text of all rule files, and of the model, if they are not kept already."""
    book, model = rules.book, rules.model
    if connection.scalar(select(RuleSet.hash).where(RuleSet.hash == book.content_hash)) is None:
        connection.execute(
            insert(RuleSet).values(
                hash=book.content_hash, files=_texts(book.directory), first_used_at=now
            )
        )
    kept = select(ModelFile.hash).where(ModelFile.hash == model.content_hash)
    if connection.scalar(kept) is None:
        connection.execute(
            insert(ModelFile).values(
                hash=model.content_hash, content=model.to_yaml(), first_used_at=now
            )
        )


def _texts(directory: Path) -> dict[str, str]:
    """Rule files by name, models left out."""
    return {
        path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*.yaml"))
        if path.relative_to(directory).parts[0] != "models"
    }


def rules_in_force(connection: Connection, offered: InForce) -> InForce:
    """The rules that the last run went by; those offered if there was none, or the same."""
    last = connection.execute(
        select(Run.rules, Run.model).order_by(Run.id.desc()).limit(1)
    ).one_or_none()
    if last is None or tuple(last) == (offered.book.content_hash, offered.model.content_hash):
        return offered
    return kept_rules(connection, *last)


def differ_from_last(connection: Connection, offered: InForce) -> tuple[bool, bool]:
    """Whether other rules, and whether another model, than those of the last run are offered."""
    last = connection.execute(
        select(Run.rules, Run.model).order_by(Run.id.desc()).limit(1)
    ).one_or_none()
    if last is None:
        return False, False
    return last.rules != offered.book.content_hash, last.model != offered.model.content_hash


def last_rules(connection: Connection) -> InForce:
    """The rules that the last run went by. Raises DataError if there was none."""
    last = connection.execute(
        select(Run.rules, Run.model).order_by(Run.id.desc()).limit(1)
    ).one_or_none()
    if last is None:
        raise DataError("the register is empty; ingest and link an extract first")
    return kept_rules(connection, *last)


# Parsed, by hash: what a hash stands for never changes, and to read it takes a second.
_PARSED: dict[tuple[str, str], InForce] = {}
_MOST_PARSED = 4


def kept_rules(connection: Connection, rules: str, model: str) -> InForce:
    """Rules and model by their hashes."""
    known = _PARSED.get((rules, model))
    if known is None:
        known = _parse(connection, rules, model)
        if len(_PARSED) >= _MOST_PARSED:
            _PARSED.clear()
        _PARSED[rules, model] = known
    return known


def _parse(connection: Connection, rules: str, model: str) -> InForce:
    files = connection.scalars(select(RuleSet.files).where(RuleSet.hash == rules)).one()
    content = connection.scalars(select(ModelFile.content).where(ModelFile.hash == model)).one()
    with scratch_folder() as folder:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        # What an earlier version did not have yet is as it is shipped.
        for name in POLICIES:
            if name not in files:
                shutil.copyfile(shipped_rules() / name, folder / name)
        book = replace(load_rule_book(folder), content_hash=rules)
        written = folder / "model.yaml"
        written.write_text(content, encoding="utf-8")
        return InForce(book, load_model(written, book.linkage.matching))
