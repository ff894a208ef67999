"""Settings come from the environment, and a password does not come out again."""

import pytest

from api.settings import Settings


def test_the_database_is_a_file_in_the_working_folder_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MATCHER_DATABASE_URL", raising=False)
    assert Settings().database_url == "sqlite:///register.db"
    monkeypatch.setenv("MATCHER_DATABASE_URL", "postgresql://me:Quillfeather@host/register")
    assert Settings().database_url == "postgresql://me:Quillfeather@host/register"
    assert "Quillfeather" not in f"{Settings()!r} {Settings()}"
