"""A newcomer at a terminal: an empty folder, the command `labeljury`, its own embedded PostgreSQL."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from app.cli.main import main
from app.db import embedded
from tests.journeys.conftest import write_texts
from tests.stack import environment_for

pytestmark = [pytest.mark.journey, pytest.mark.timeout(1200), pytest.mark.xdist_group("command-line")]

READY = "Ctrl-C stops everything."
HEADER = "id,text,given_label,guessed_label\n"
GOOD_ROW = "1,one,cat,dog\n"
ITEMS = 6
# On a machine that is busy with much else; whatever is ready sooner is not waited for.
READY_WITHIN_S, ENDED_WITHIN_S, ANSWERS_WITHIN_S = 300, 180, 120


class Newcomer:
    """Somebody in a folder of their own who types commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.environment = environment_for(folder)
        # `up` is nobody's part: it must not end because this process is not its parent.
        del self.environment["LABELJURY_PARENT_PID"]
        self._started: list[subprocess.Popen[bytes]] = []

    @property
    def web_port(self) -> str:
        return self.environment["LABELJURY_WEB_PORT"]

    @property
    def marketplace_port(self) -> str:
        return self.environment["LABELJURY_MARKETPLACE_PORT"]

    def types(self, *arguments: str, fails_with: int = 0) -> "Said":
        """Run `labeljury …` to its end; it has to end with this exit code."""
        done = subprocess.run(
            _labeljury(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
            check=False,
        )
        said = Said(done.stdout, done.stderr.decode())
        assert done.returncode == fails_with, f"exit code {done.returncode}\n{said.out}\n{said.err}"
        assert "Traceback" not in said.err
        return said

    def starts(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Run `labeljury …` in the background; what it says goes into the file `said`."""
        # A shell starts what runs in the background deaf to Ctrl-C, and children inherit deafness, but no handler.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with (self.folder / "said").open("wb") as said:
            process = subprocess.Popen(
                _labeljury(*arguments),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def starts_up(self) -> tuple[subprocess.Popen[bytes], str]:
        """`labeljury up`, once it is ready; the process and its banner."""
        process = self.starts("up")
        deadline = time.monotonic() + READY_WITHIN_S
        while READY not in self.said():
            assert process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        return process, self.said()

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def processes(self) -> list[str]:
        """The processes that have to do with this folder: their ids and commands."""
        return list(_processes_of(self.folder))

    def wait_until_alone(self) -> None:
        deadline = time.monotonic() + ENDED_WITHIN_S
        while left := self.processes():
            assert time.monotonic() < deadline, "\n".join(left)
            time.sleep(0.2)

    def goes_home(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(ENDED_WITHIN_S)


class HereAndNow:
    """The same commands in this very process: each new one takes seconds to start, and these need no process."""

    def __init__(self, newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capfd = monkeypatch, capfd
        monkeypatch.chdir(newcomer.folder)
        for name in set(os.environ) - set(newcomer.environment):
            monkeypatch.delenv(name)
        for name, value in newcomer.environment.items():
            monkeypatch.setenv(name, value)

    def types(self, *arguments: str, fails_with: int = 0) -> "Said":
        """Run `labeljury …` to its end; it has to end with this exit code."""
        self._monkeypatch.setattr(sys, "argv", ["labeljury", *arguments])
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capfd.readouterr()
        assert (ended.value.code or 0) == fails_with, f"exit code {ended.value.code}\n{out}\n{err}"
        return Said(out.encode(), err)


class Said:
    """What a command wrote."""

    def __init__(self, raw: bytes, err: str) -> None:
        self.raw, self.out, self.err = raw, raw.decode(), err


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    newcomer = Newcomer(tmp_path)
    yield newcomer
    newcomer.goes_home()


BAD_FILES = {
    "column.csv": (b"id,text,given,guessed_label\n1,one,cat,dog\n", "text", ["given_label is missing", "did you mean"]),
    "label.csv": (HEADER.encode() + b"1,one,cat,\n", "text", ["line 2, guessed_label: is empty"]),
    "twice.csv": (
        HEADER.encode() + b"1,one,cat,dog\n1,two,cat,dog\n",
        "text",
        ["line 3, id", "the id of line 2 already"],
    ),
    "bytes.csv": (HEADER.encode() + b"1,\xff\xfe,cat,dog\n", "text", ["line 2", "not UTF-8", "save the file as UTF-8"]),
    "long.csv": (HEADER.encode() + b"1," + b"x" * 10_000_000 + b",cat,dog\n", "text", ["line 2, text", "shorten"]),
    "empty.csv": (b"", "text", ["the file has no rows"]),
    "picture.csv": (
        b"id,media,given_label,guessed_label\n1,lost.png,cat,dog\n",
        "image",
        ["line 2", "'lost.png' does not exist"],
    ),
    "broken.jsonl": (b'{"id": 1, "text": \n', "text", ["line 1", "JSON"]),
    "broken.parquet": (b"PAR1 but not really", "text", ["Parquet"]),
    "letter.docx": (b"Dear Sir or Madam", "text", ["must end in one of .csv"]),
}


def test_every_bad_file_is_refused_with_its_fault_and_leaves_nothing(
    newcomer: Newcomer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    here = HereAndNow(newcomer, monkeypatch, capfd)
    with embedded.hold(newcomer.data / "postgres"):  # so that not every command has to start it
        for name, (content, template, messages) in BAD_FILES.items():
            (newcomer.folder / name).write_bytes(content)
            refused = here.types("batch", "create", name, "--template", template, fails_with=1)
            assert refused.err.startswith("error: "), name
            for message in messages:
                assert message in refused.err, f"{name}: {refused.err}"
            assert refused.out == "", name
        refused = here.types("batch", "create", "nowhere.csv", "--template", "text", fails_with=1)
        assert "'nowhere.csv' cannot be read: No such file" in refused.err
        (newcomer.folder / "good.csv").write_text(HEADER + GOOD_ROW)
        refused = here.types("batch", "create", "good.csv", "--template", "smell", fails_with=1)
        assert "HIT template smell does not exist; `labeljury templates`" in refused.err
        refused = here.types("batch", "create", "good.csv", "--template", "text", "--quorum", "9", fails_with=1)
        assert "quorum" in refused.err
        here.types("batch", "create", "good.csv", "--template", "text", "--reward", "much", fails_with=2)
        assert "No Batch yet" in here.types("batch", "list").out
        assert not [path for path in newcomer.data.rglob("media/**/*") if path.is_file()]


def test_a_newcomer_goes_the_whole_way(newcomer: Newcomer) -> None:
    assert "A jury of five" in newcomer.types("--help").out
    number = drafts(newcomer)
    cannot_launch_yet(newcomer, number)
    up, banner = newcomer.starts_up()
    signs_in(newcomer, banner)
    launches(newcomer, number)
    sees_the_hits(newcomer)
    sends_a_crowd(newcomer)
    newcomer.types("batch", "status", number, "--watch")
    status = newcomer.types("batch", "status", number).out
    assert re.search(rf"Batch +{number}, done", status)
    assert re.search(rf"Responses +{ITEMS * 5} of {ITEMS * 5}", status)
    reads_results(newcomer, number)
    names_what_is_not_there(newcomer)
    reads_credentials(newcomer)
    stops_with_ctrl_c(newcomer, up)


def test_up_is_started_once_and_dies_without_leftovers(newcomer: Newcomer) -> None:
    up, first_banner = newcomer.starts_up()
    assert "Password" in first_banner
    refused = newcomer.types("up", fails_with=1)
    assert f"port {newcomer.web_port} is taken (is `labeljury up` running already?)" in refused.err
    ready = httpx2.get(f"http://127.0.0.1:{newcomer.web_port}/health/ready", timeout=ANSWERS_WITHIN_S)
    assert ready.status_code == 200
    up.kill()
    up.wait()
    newcomer.wait_until_alone()
    up, second_banner = newcomer.starts_up()
    assert "Password" not in second_banner  # shown once, and the account is kept
    stops_with_ctrl_c(newcomer, up)


def drafts(newcomer: Newcomer) -> str:
    write_texts(newcomer.folder / "tea.csv", ITEMS)
    said = newcomer.types("batch", "create", "tea.csv", "--template", "text").out
    found = re.search(r"^Batch (\d+): 6 Items, a draft for profile local\.$", said, re.MULTILINE)
    assert found, said
    assert "It will cost $1.80: 30 Assignments in 6 HITs, $1.50 for Workers and $0.30 in fees." in said
    listed = newcomer.types("batch", "list").out
    assert re.search(rf"{found[1]} +tea +local +draft +6 +0% +\$0", listed), listed
    return found[1]


def cannot_launch_yet(newcomer: Newcomer, number: str) -> None:
    refused = newcomer.types("batch", "launch", number, fails_with=1)
    assert "Could not connect" in refused.err
    assert "labeljury up" in refused.err
    assert "draft" in newcomer.types("batch", "list").out


def signs_in(newcomer: Newcomer, banner: str) -> None:
    """With the address and the password of the banner."""
    email, password = re.findall(r"(?:Sign in as|Password) +(\S+)", banner)
    form = {"email": email, "password": password, "next": "/"}
    url = f"http://127.0.0.1:{newcomer.web_port}/sign-in"
    answer = httpx2.post(url, data=form, timeout=ANSWERS_WITHIN_S)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def launches(newcomer: Newcomer, number: str) -> None:
    assert f"Batch {number} is live." in newcomer.types("batch", "launch", number).out
    refused = newcomer.types("batch", "launch", number, fails_with=1)
    assert "is live and cannot become" in refused.err or "already" in refused.err, refused.err


def sees_the_hits(newcomer: Newcomer) -> None:
    """As Workers do, once all are published: a crowd goes home where there is nothing for some seconds."""
    url, deadline = f"http://127.0.0.1:{newcomer.marketplace_port}/worker", time.monotonic() + READY_WITHIN_S
    while f'<span class="available">{ITEMS}</span>' not in httpx2.get(url, timeout=ANSWERS_WITHIN_S).text:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def sends_a_crowd(newcomer: Newcomer) -> None:
    """Five Workers hand in the key's votes: the first label is wrong, the others are right."""
    with (newcomer.folder / "tea.csv").open(newline="") as file, (newcomer.folder / "key.jsonl").open("w") as key:
        for row in csv.DictReader(file):
            votes = {"guessed": 5} if row["id"] == "text-0" else {"given": 4, "neither": 1}
            key.write(json.dumps({name: row[name] for name in row if name != "id"} | {"votes": votes}) + "\n")
    options = ("--workers", "5", "--key", "key.jsonl", "--replay", "--patience-s", "5")
    assert "30 Assignments submitted, 0 returned, 0 abandoned." in newcomer.types("crowd", *options).out


def reads_results(newcomer: Newcomer, number: str) -> None:
    table = newcomer.types("consensus", number).out
    assert re.search(r"^ *6 +5 +0 +1 +0 +0 +1 *$", table, re.MULTILINE), table
    assert "6 Items settled, 0 open, 30 Responses." in table
    assert "6 rows written" in newcomer.types("export", number).err
    consensus = rows_of(newcomer.folder / f"consensus-{number}.csv")
    assert [row["category"] for row in consensus] == ["correctable"] + ["non-error"] * 5
    said = newcomer.types("export", number, "responses", "--out", "answers.csv").err
    assert "30 rows written to answers.csv" in said
    assert len(rows_of(newcomer.folder / "answers.csv")) == 30
    assert not list(newcomer.folder.glob(".*.part"))
    piped = newcomer.types("export", number, "responses", "--out", "-")
    assert piped.raw == (newcomer.folder / "answers.csv").read_bytes()


def names_what_is_not_there(newcomer: Newcomer) -> None:
    for command in (("batch", "status"), ("batch", "launch"), ("export",)):
        refused = newcomer.types(*command, "4711", fails_with=1)
        assert "Batch 4711 does not exist; `labeljury batch list`" in refused.err, command
    assert not (newcomer.folder / "consensus-4711.csv").exists()
    newcomer.types("batch", "status", "tea", fails_with=2)


def reads_credentials(newcomer: Newcomer) -> None:
    lines = newcomer.types("marketplace", "credentials").out.splitlines()
    exports = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    assert exports["AWS_ENDPOINT_URL_MTURK"] == f"http://127.0.0.1:{newcomer.marketplace_port}"
    assert exports["AWS_ACCESS_KEY_ID"].startswith("LJ")


def stops_with_ctrl_c(newcomer: Newcomer, up: subprocess.Popen[bytes]) -> None:
    up.send_signal(signal.SIGINT)
    assert up.wait(ENDED_WITHIN_S) == 0, newcomer.said()
    assert "Traceback" not in newcomer.said()
    newcomer.wait_until_alone()


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def _labeljury(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *arguments]


def _processes_of(folder: Path) -> Iterator[str]:
    """By the folder's name in their command or environment. Empty on systems without /proc."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:  # gone meanwhile, or somebody else's
            continue
        if str(folder).encode() in command + environment and process.name != str(os.getpid()):
            yield f"{process.name}: {command.replace(bytes(1), b' ').decode(errors='replace')}"
