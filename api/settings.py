"""What is set from outside: environment variables that begin with ``MATCHER_``."""

from typing import Any, Literal, get_args, get_origin

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "MATCHER_"


class SettingsError(ValueError):
    """Settings are not what they may be: names them, and not what they are set to."""


class Settings(BaseSettings):
    """The settings of a service. Every one is described in docs/reference/settings.md."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    database_url: str = Field(
        default="sqlite:///register.db",
        description="Where the register is kept: a SQLite file or a PostgreSQL database.",
        # It may hold a password.
        repr=False,
    )
    environment: Literal["local", "demo", "production"] = Field(
        default="local", description="What the service is for; production refuses unsafe settings."
    )
    council_name: str = Field(
        default="Child register", description="Whose register it is; at the top of every page."
    )
    public_url: str = Field(
        default="", description="The address that people and systems know the service by."
    )
    largest_upload_mib: int = Field(
        default=1024, ge=1, description="Largest file that may be uploaded, in MiB."
    )
    openid_issuer: str = Field(
        default="", description="The OpenID Connect provider that staff sign in with."
    )
    openid_client_id: str = Field(default="", description="This service's id at the provider.")
    openid_client_secret: str = Field(
        default="", description="Its secret at the provider.", repr=False
    )
    openid_roles_claim: str = Field(
        default="", description="The claim that holds a person's roles; empty if none does."
    )
    openid_purposes_claim: str = Field(
        default="", description="The claim that holds a person's purposes; empty if none does."
    )


def read_settings() -> Settings:
    """From the environment. Raises SettingsError, of all that are wrong at once."""
    try:
        return Settings()
    except ValidationError as error:
        names = dict.fromkeys(str(one["loc"][0]) for one in error.errors())
        raise SettingsError("; ".join(_wrong(name) for name in names)) from None


def _wrong(name: str) -> str:
    """How a setting is called where it is set, and what it may be."""
    field = Settings.model_fields[name]
    return f"{PREFIX}{name.upper()} must be {_kinds(field.annotation, field.metadata)}"


def _kinds(annotation: Any, limits: list[Any]) -> str:
    if get_origin(annotation) is Literal:
        *others, last = map(str, get_args(annotation))
        return f"{', '.join(others)} or {last}"
    if annotation is int:
        least = [f", {one.ge} or more" for one in limits if hasattr(one, "ge")]
        return "a whole number" + "".join(least)
    return "text"
