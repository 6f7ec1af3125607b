"""Processes in a few milliseconds: a lean server imports the service once and forks a child for each thing to be done.

The server has one thread and no connections, so that a child is as good as a process started anew; it opens its own
database pool and its own client. Parent and server speak in JSON lines; a child's answer comes through a pipe of its own.
"""

import gc
import importlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

KILLED = -signal.SIGKILL
# What the service is made of; a child that imported it by itself would need seconds.
PRELOADED = ("tests.crashing.children", "app.jobs.runner", "app.marketplace.server")
_ENDS_WITHIN_S = 120
_STARTS_WITHIN_S = 240  # imports, where the machine is busy
_CHILD_ENDS_WITHIN_S = 600


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: its exit code (negative: the signal that killed it) and what it answered, if it came so far."""

    code: int
    answer: Any


@dataclass(frozen=True, slots=True)
class Child:
    """A process at work. Its pid stays its own until it was waited for."""

    pid: int
    ended: "Future[Ended]"

    def wait(self, timeout_s: float = _CHILD_ENDS_WITHIN_S) -> Ended:
        """Until it ends by itself."""
        return self.ended.result(timeout_s)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone; one that has ended already is left alone."""
        if not self.ended.done():
            os.kill(self.pid, signal.SIGKILL)
            self.ended.result(_ENDS_WITHIN_S)


@dataclass(slots=True)
class ForkServer:
    """The parent's end. Safe to use from several threads. All children are killed when the block ends.

    log: where the children's standard output and error go.
    """

    log: Path
    _process: "subprocess.Popen[str]" = field(init=False)
    _started: "dict[int, Future[int]]" = field(default_factory=dict)
    _ended: "dict[int, Future[Ended]]" = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        # numpy's algebra would start threads of its own.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.crashing.fork_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(_ENDS_WITHIN_S)
        self._process.stdout.close()

    def start(self, target: Callable[..., Any], *arguments: Any) -> Child:
        """A child that runs `target`, a module's function, with arguments that JSON can carry."""
        return self._order(target, arguments, forking=True)

    def prepare(self, target: Callable[..., Any], *arguments: Any) -> None:
        """Have the server itself call `target`, for what all later children need alike. It must open nothing."""
        self._order(target, arguments, forking=False)

    def _order(self, target: Callable[..., Any], arguments: Sequence[Any], *, forking: bool) -> Child:
        assert self._process.stdin is not None
        started, ended = Future[int](), Future[Ended]()
        with self._lock:
            number = len(self._started)
            self._started[number], self._ended[number] = started, ended
            order = [number, forking, f"{target.__module__}:{target.__name__}", arguments]
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return Child(started.result(_STARTS_WITHIN_S), ended)

    def run(self, target: Callable[..., Any], *arguments: Any, timeout_s: float = _CHILD_ENDS_WITHIN_S) -> Any:
        """What `target` returns in a child of its own."""
        ended = self.start(target, *arguments).wait(timeout_s)
        assert ended.code == 0, f"{target.__name__}{arguments} ended with {ended.code}: {self.log.read_text()[-4000:]}"
        return ended.answer

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, pid, code, answer = json.loads(line)
            if code is None:
                self._started[number].set_result(pid)
            else:
                self._ended[number].set_result(Ended(code, json.loads(answer) if code == 0 else None))


# --- the server's end -------------------------------------------------------------------------------------------------


def _serve() -> None:
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # children do not copy what they never change
    assert len(os.listdir("/proc/self/task") if sys.platform == "linux" else [1]) == 1, "a thread was started"
    children: dict[int, tuple[int, int, list[bytes]]] = {}
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in selector.select():
            data = os.read(key.fd, 65_536)
            if key.fd in children:
                if data:
                    children[key.fd][2].append(data)
                else:
                    selector.unregister(key.fd)
                    _reap(key.fd, *children.pop(key.fd))
                continue
            if not data:
                for _, pid, _ in children.values():
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
                return
            *orders, rest = (rest + data).split(b"\n")
            for order in orders:
                number, forking, target, arguments = json.loads(order)
                if not forking:
                    _call(target, arguments)
                    _say(number, 0, None, None)
                    continue
                pid, pipe = _fork(target, arguments)
                _say(number, pid, None, None)
                children[pipe] = (number, pid, [])
                selector.register(pipe, selectors.EVENT_READ)


def _say(*words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def _call(target: str, arguments: list[Any]) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)(*arguments)


def _fork(target: str, arguments: list[Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be(target, arguments, writing)
    os.close(writing)
    return pid, reading


def _be(target: str, arguments: list[Any], answer_to: int) -> None:
    """The child's whole life."""
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)  # what it prints is not the server's word
        os.write(answer_to, json.dumps(_call(target, arguments)).encode())
        os._exit(0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def _reap(pipe: int, number: int, pid: int, answer: list[bytes]) -> None:
    os.close(pipe)
    _, status = os.waitpid(pid, 0)
    _say(number, pid, os.waitstatus_to_exitcode(status), b"".join(answer).decode())


if __name__ == "__main__":
    _serve()
