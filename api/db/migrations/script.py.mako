"""${message}."""

import sqlalchemy as sa
from alembic import op
% if imports:

${imports}
% endif

revision: str = ${repr(up_revision)}
down_revision: str | None = ${repr(down_revision)}


def upgrade() -> None:
    """Go to this state of the tables."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Go back to the state before."""
    ${downgrades if downgrades else "pass"}
