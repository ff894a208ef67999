"""Small extracts written on the spot, and the definitions that ship."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from small_extracts import ROOT, assert_counts_add_up

from matcher.read import ReadResult, read_extract
from matcher.rules.sources import SourceDefinition, load_source_definitions


@pytest.fixture(scope="session")
def definitions() -> dict[str, SourceDefinition]:
    return load_source_definitions(ROOT / "linkage_rules" / "sources")


@pytest.fixture(scope="session")
def generic(definitions: dict[str, SourceDefinition]) -> SourceDefinition:
    return definitions["generic"]


@pytest.fixture
def read(tmp_path: Path, definitions: dict[str, SourceDefinition]) -> Callable[..., ReadResult]:
    """Write the content (text or bytes) to a file and read it; counts must add up."""

    def read(
        content: str | bytes,
        definition: str | SourceDefinition = "generic",
        name: str = "x.csv",
        taken: date | None = None,
    ) -> ReadResult:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        chosen = definitions[definition] if isinstance(definition, str) else definition
        result = read_extract("somewhere", path, chosen, taken=taken)
        assert_counts_add_up(result)
        return result

    return read
