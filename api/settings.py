"""What is set from outside: environment variables that begin with ``MATCHER_``."""

from typing import Literal

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
