"""A condition on many values at once, as one parameter."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, BindParameter, Boolean, ColumnElement, Dialect, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeDecorator, TypeEngine

Values = npt.NDArray[np.integer[Any]] | Sequence[str]


def among(column: InstrumentedAttribute[Any], values: Values) -> ColumnElement[bool]:
    """That a column holds one of these values, however many."""
    return _Among(column, values)


class _Many(TypeDecorator[Any]):
    """Many whole numbers, or many texts, as one parameter: an array, or JSON on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, numeric: bool) -> None:
        super().__init__()
        self.numeric = numeric

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(ARRAY(BigInteger if self.numeric else Text))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        listed = np.asarray(value).tolist() if self.numeric else list(value)
        return json.dumps(listed) if dialect.name == "sqlite" else listed


_NUMBERS, _TEXTS = _Many(numeric=True), _Many(numeric=False)


class _Among(ColumnElement[bool]):
    """An element of our own: SQLAlchemy's for this take it longer to build than to run."""

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 - as SQLAlchemy asks for it
        ("column", InternalTraversal.dp_clauseelement),
        ("values", InternalTraversal.dp_clauseelement),
    ]
    type = Boolean()

    def __init__(self, column: InstrumentedAttribute[Any], values: Values) -> None:
        numeric = isinstance(values, np.ndarray)
        self.column = column.__clause_element__()
        self.values = BindParameter(None, values, _NUMBERS if numeric else _TEXTS, unique=True)

    @property
    def _from_objects(self) -> Any:
        return self.column._from_objects

    def self_group(self, against: Any = None) -> "_Among":  # noqa: ARG002 - SQLAlchemy's
        # It is a condition as it stands, also where there are no truth values.
        return self


@compiles(_Among)
def _array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in (element.column, element.values))
    return f"({column} = ANY ({values}))"


@compiles(_Among, "sqlite")
def _json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(one, **options) for one in (element.column, element.values))
    return f"({column} IN (SELECT value FROM json_each({values})))"  # noqa: S608 - placeholders
