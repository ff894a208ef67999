"""What the last run took as given of all records, so that the next can tell what moved."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, select

from api.db.models import Run

BETWEEN = "between sources"


@dataclass(frozen=True)
class Given:
    """Records of children by source, the evidence floor, and priors by source and between."""

    held: Mapping[str, int]
    floor: float
    priors: Mapping[str, float]

    def as_json(self) -> dict[str, Any]:
        """For the run's row."""
        return asdict(self)


def last_given(connection: Connection, *, before: int) -> Given | None:
    """What the last run before this one took as given, if there was one."""
    found = connection.scalar(
        select(Run.population).where(Run.id < before).order_by(Run.id.desc()).limit(1)
    )
    return Given(**found) if found else None
