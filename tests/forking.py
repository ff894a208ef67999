"""Calls of ``matcher`` without its start-up, which takes longer than most of what they do.

A server that has imported the command forks for each call: a process of its own, with the
caller's folder, environment and files. Programs find it by the PATH of `where_programs_are`.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parents[1]

# Hands on the arguments, the folder, the environment and the three files; is ended as the call is.
_CLIENT = """#!{python} -SE
import json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(said).to_bytes(8, "big")], [0, 1, 2])
server.sendall(said)
answers = server.makefile()
process = int(answers.readline())
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: os.kill(process, number))
status = int(answers.readline())
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""


@cache
def where_programs_are() -> str:
    """A PATH on which ``matcher`` is one that starts at once, and all else is as installed."""
    stack = ExitStack()
    atexit.register(stack.close)
    quick = stack.enter_context(_quick_command())
    own = Path(sys.executable).parent
    return os.pathsep.join([str(quick), str(own), "/usr/local/bin", "/usr/bin", "/bin"])


@contextmanager
def _quick_command() -> Iterator[Path]:
    """A folder that holds an executable ``matcher``, for as long as this is open."""
    # Not pytest's folder: the name of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="matcher-") as folder:
        address = Path(folder) / "server"
        scripts = Path(folder) / "bin"
        scripts.mkdir()
        script = scripts / "matcher"
        script.write_text(_CLIENT.format(python=sys.executable, address=str(address)))
        script.chmod(0o755)
        server = subprocess.Popen(
            [sys.executable, "-c", f"from tests.forking import serve; serve({str(address)!r})"],
            cwd=_ROOT,
            # A screen's width and the like are the caller's.
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        try:
            assert server.stdout.readline() == b"ready\n"
            yield scripts
        finally:
            server.communicate()


def serve(address: str) -> None:
    """Fork for each call, for as long as there is somebody at the other end of our input."""
    # So that no call need import them.
    from typer import rich_utils  # noqa: F401

    from api import cli, serving  # noqa: F401
    from api.services.rules import load_rule_book, shipped_rules

    # Nor make the commands, nor read the shipped rules, whose texts are kept.
    cli.command()
    load_rule_book(shipped_rules())

    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        print("ready", flush=True)
        while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:
            caller, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _answer(caller)
                _become(cli.main)
            caller.close()


def _become(main: Callable[[], None]) -> None:
    """Do as a process that does nothing else, but for giving memory back piece by piece.

    Most of it is shared with the server, and would be copied first: that takes longer than most
    calls do.
    """
    try:
        main()
    except SystemExit as ended:
        # What Python does itself before that.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(ended.code or 0))


def _answer(caller: socket.socket) -> None:
    """Become the process that was asked for; another, that it leaves behind, tells how it ends."""
    head, files, _, _ = socket.recv_fds(caller, 8, 3)
    said = b""
    while len(said) < int.from_bytes(head, "big"):
        said += caller.recv(1 << 16)
    arguments, folder, environment = json.loads(said)
    process = os.fork()
    if process:
        for file in files:
            os.close(file)
        caller.sendall(b"%d\n" % process)
        _, status = os.waitpid(process, 0)
        caller.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
        os._exit(0)
    caller.close()
    for own, file in enumerate(files):
        os.dup2(file, own)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["matcher", *arguments]
