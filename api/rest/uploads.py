"""Files that clients send: straight to disk, and only from those who may send them.

The body is read before a transaction begins, so that a slow client keeps nobody waiting, and
after its sender is known, so that nobody else can fill the disk. The client's name for the
file leads nowhere: only its ending is looked at.
"""

import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from anyio import to_thread
from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.rest.allowed import Allowed, Bearer, PurposeHeader, check
from api.rest.manners import require_as_it_is
from api.rest.problems import Problem
from api.rest.service import Service, Serving

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

# Of one field that is no file, and of all headers of one part, in bytes; and of parts.
_LARGEST_FIELD = 4096
_LARGEST_HEADERS = 8192
_MOST_PARTS = 20
# How much is gathered before it is written.
_AT_ONCE = 1024 * 1024
_ENDINGS = frozenset({".csv", ".txt", ".tsv", ".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".xml",
                      ".zip"})  # fmt: skip
# What is said of the route itself; how much may be sent is counted here.
ANY_SIZE = 2**60


@dataclass
class Upload:
    """A form as it was sent: its fields, and the one file, on disk for as long as this lives.

    ``digest`` is a hash of the file's content.
    """

    fields: dict[str, str]
    file: Path | None
    digest: str


class Uploads:
    """A dependency that takes in a form with one file, for those who may use the route.

    To be named before what begins a transaction.
    """

    def __init__(self, allowed: Allowed) -> None:
        self.allowed = allowed

    async def __call__(
        self,
        request: Request,
        service: Serving,
        bearer: Bearer,
        purpose: PurposeHeader = None,
    ) -> AsyncIterator[Upload]:
        """FastAPI calls this around the route's function."""
        await run_in_threadpool(check, self.allowed, request, service, bearer, purpose)
        async with taken_in(request, service) as upload:
            request.state.upload = upload
            yield upload


@asynccontextmanager
async def taken_in(
    request: Request,
    service: Service,
    before_file: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> AsyncIterator[Upload]:
    """A form with one file; the file is on disk within this context.

    ``before_file`` is given the fields that came before the file, when that begins, and may
    raise Problem; then nothing of the file is kept.
    """
    form = _Form(service.uploads, before_file)
    try:
        yield await _received(request, form, service.largest_upload)
    finally:
        await to_thread.run_sync(form.forget)


async def _received(request: Request, form: "_Form", largest: int) -> Upload:
    require_as_it_is(request)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise Problem("media-type", "Send multipart/form-data.")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > largest:
        raise Problem("too-large")
    size = 0
    try:
        parser = MultipartParser(boundary, form.callbacks)
        async for chunk in request.stream():
            size += len(chunk)
            if size > largest:
                raise Problem("too-large")
            parser.write(chunk)
            if form.gathered > _AT_ONCE:
                await to_thread.run_sync(form.write_out)
        parser.finalize()
    except FormParserError:
        raise Problem("bad-request", "The form is cut short or damaged.") from None
    except ClientDisconnect:
        raise Problem("bad-request") from None
    await to_thread.run_sync(form.write_out)
    if not form.ended:
        raise Problem("bad-request", "The form is cut short or damaged.")
    return Upload(form.fields, form.path, form.digest.hexdigest())


@dataclass
class _Form:
    """Takes a form's parts in as they come. ``path`` is where its file is."""

    folder: Path
    before_file: Callable[[Mapping[str, str]], None]
    fields: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    digest: Any = field(default_factory=hashlib.sha256)
    gathered: int = 0
    ended: bool = False
    _parts: int = 0
    _name: str = ""
    _is_file: bool = False
    _is_nothing: bool = False
    _header: tuple[bytearray, bytearray] = field(default_factory=lambda: (bytearray(), bytearray()))
    _disposition: bytes = b""
    _headers_size: int = 0
    _field: bytearray = field(default_factory=bytearray)
    _pieces: list[bytes] = field(default_factory=list)
    _stream: IO[bytes] | None = None

    @property
    def callbacks(self) -> "MultipartCallbacks":
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": lambda data, start, end: self._add(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def write_out(self) -> None:
        """Write to disk what was gathered."""
        if self._stream is not None:
            for piece in self._pieces:
                self.digest.update(piece)
            self._stream.writelines(self._pieces)
            self._stream.flush()
        self._pieces, self.gathered = [], 0

    def forget(self) -> None:
        """Drop the file."""
        if self._stream is not None:
            self._stream.close()
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Problem("bad-request", "The form has too many parts.")
        self._disposition, self._headers_size = b"", 0
        self._field = bytearray()

    def _add_header(self, side: int, data: bytes) -> None:
        self._headers_size += len(data)
        if self._headers_size > _LARGEST_HEADERS:
            raise Problem("bad-request", "A part's headers are too large.")
        self._header[side].extend(data)

    def _end_header(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        name.clear()
        value.clear()

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = b"filename" in options
        # How browsers send a field for a file for which none was chosen.
        self._is_nothing = options.get(b"filename") == b""
        if not self._is_file or self._is_nothing:
            return
        if self._name != "file" or self.path is not None:
            raise Problem("bad-request", "Send one file, in the field `file`.")
        self.before_file(self.fields)
        ending = PurePosixPath(options[b"filename"].decode("utf-8", "replace")).suffix.casefold()
        known = ending if ending in _ENDINGS else ""
        self.path = self.folder / f"{secrets.token_hex(16)}{known}"
        self._stream = self.path.open("xb")

    def _add(self, data: bytes) -> None:
        if self._is_nothing:
            return
        if self._is_file:
            self._pieces.append(data)
            self.gathered += len(data)
            return
        self._field.extend(data)
        if len(self._field) > _LARGEST_FIELD:
            raise Problem("bad-request", "A field of the form is too long.")

    def _end_part(self) -> None:
        if self._is_file:
            return
        if self._name in self.fields or not self._name:
            raise Problem("bad-request", "Name each field of the form once.")
        try:
            self.fields[self._name] = self._field.decode("utf-8")
        except UnicodeDecodeError:
            raise Problem("bad-request", "Send text as UTF-8.") from None

    def _end(self) -> None:
        self.ended = True
