"""Who comes and does not say what they want is not waited for."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from api.connections import PatientProtocol


class Hasty(PatientProtocol):
    patience = 0.3


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server that waits a third of a second."""
    app = FastAPI()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["x"])
    app.get("/")(lambda: {})
    app.get("/v1/{place}")(lambda place: place)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, http=Hasty, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()


def told(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """All that is answered until the connection ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(pause)
        found = b""
        while part := client.recv(4096):
            found += part
    return found


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: 127"])
def test_a_head_that_does_not_come_is_not_waited_for(port: int, begun: bytes) -> None:
    began = time.monotonic()
    assert told(port, begun).startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 5


def test_nor_is_one_that_comes_by_the_letter(port: int) -> None:
    letters = [bytes([letter]) for letter in b"GET / HTTP/1.1"]
    with pytest.raises(OSError):
        told(port, *letters, *letters, pause=0.05)


def test_whoever_asks_in_time_is_answered_and_the_next_head_is_waited_for_anew(port: int) -> None:
    ask = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    answered = told(port, ask, ask, b"GET", pause=0.2)
    assert answered.count(b"HTTP/1.1 200 ") == 2
    assert answered.count(b"HTTP/1.1 408 ") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/\x1b[0m HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nPurpose: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_head_that_cannot_be_read_is_a_problem_like_any_other(port: int, head: bytes) -> None:
    assert_problem(told(port, head), 400, "bad-request")


def test_the_host_of_a_whole_address_counts_whatever_the_header_says(port: int) -> None:
    own, other = (
        told(port, b"GET http://%s/v1/a HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % pair)
        for pair in ((b"x:80", b"evil.example"), (b"evil.example", b"x"))
    )
    assert own.startswith(b"HTTP/1.1 200 ")
    assert other.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("version", [b"1.0", b"1.1", b"1.2"])
def test_a_head_that_says_one_thing_is_answered(port: int, version: bytes) -> None:
    ask = b"GET / HTTP/%s\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    assert told(port, ask % version).startswith(b"HTTP/1.1 200 ")


def test_nothing_that_follows_such_a_head_is_taken_for_a_request(port: int) -> None:
    both = b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    hidden = b"GET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    assert told(port, both + b"0\r\n\r\n" + hidden).count(b"HTTP/1.1 ") == 1


def test_so_is_one_that_does_not_come(port: int) -> None:
    assert_problem(told(port, b"GET / HT"), 408, "too-slow")


def assert_problem(answer: bytes, status: int, kind: str) -> None:
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    found = json.loads(content)
    assert first == f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert headers["x-content-type-options"] == "nosniff"
    assert (found["type"], found["status"]) == (f"/v1/problems/{kind}", status)
    assert found["request_id"] == headers["x-request-id"]


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        (b"http://x/v1/sources?limit=1", b'"sources"'),
        (b"HTTPS://x:8000/v1/a%20b", b'"a b"'),
        (b"http://x", b"{}"),
        (b"http://x?limit=1", b"{}"),
        (b"/v1/http:", b'"http:"'),
    ],
)
def test_a_whole_address_is_answered_as_its_path(port: int, address: bytes, answer: bytes) -> None:
    ask = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % address
    found = told(port, ask)
    assert found.startswith(b"HTTP/1.1 200 ")
    assert found.endswith(answer)
