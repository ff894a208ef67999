"""What is set from outside: environment variables that begin with ``MATCHER_``."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """The settings of a service. Every one is described in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix="MATCHER_", frozen=True)

    database_url: str = Field(
        default="sqlite:///register.db",
        description="Where the register is kept: a SQLite file or a PostgreSQL database.",
        # It may hold a password.
        repr=False,
    )
