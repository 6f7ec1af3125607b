"""`labeljury crowd`, typed against a running marketplace."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_commands import Typist, rita
from tests.marketplace.conftest import clock, credentials, marketplace, mturk, settings
from tests.marketplace.crowd.published import assignments, key_line, pictures, publish
from tests.marketplace.people import publish as publish_other_page

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

__all__ = ["clock", "credentials", "marketplace", "mturk", "rita", "settings"]

NO_WAIT = ("--patience-s", "0")


def row_of(said: str, behaviour: str) -> list[str]:
    """The numbers of one line of the summary."""
    found = re.search(rf"^ *{behaviour} +(.+?) *$", said, re.MULTILINE)
    assert found, said
    return found[1].split()


def test_each_behaviour_is_an_option_and_a_line_of_the_summary(
    rita: Typist, marketplace: str, mturk: "MTurkClient", tmp_path: Path
) -> None:
    for at in range(6):
        publish(mturk, pictures(1, first=at))
    (tmp_path / "key.jsonl").write_text(
        "\n".join(key_line(url=f"https://pictures.test/{at}.png", truth="given") for at in range(6))
    )
    options = ("--careful", "3", "--bot", "2", "--key", "key.jsonl", *NO_WAIT)
    assert rita.types("crowd", marketplace, *options) == 0, rita.complained
    assert "30 Assignments submitted, 0 returned, 0 abandoned.\n5 Workers, " in rita.said
    assert row_of(rita.said, "Behaviour") == ["Workers", "submitted", "returned", "abandoned", "problems", "right"]
    assert row_of(rita.said, "careful")[:5] == ["3", "18", "0", "0", "0"]
    assert row_of(rita.said, "bot")[:5] == ["2", "12", "0", "0", "0"]
    # A bot guesses anew each time, by the order shown: all twelve right once in sixteen million runs.
    assert int(row_of(rita.said, "careful")[5].rstrip("%")) > int(row_of(rita.said, "bot")[5].rstrip("%"))


def test_one_problem_is_one_line(rita: Typist, marketplace: str, mturk: "MTurkClient") -> None:
    for at in range(3):
        publish_other_page(mturk, Title=f"Something else {at}")
    assert rita.types("crowd", marketplace, "--careful", "1", *NO_WAIT) == 1
    said = " ".join(rita.said.split())
    assert said.count("problem:") == 1
    assert "?… cannot be used: it shows no Item with the choices that this crowd knows (3 times)" in said
    assert "turkSubmitTo" not in said


def test_a_plan_says_who_comes_and_options_change_it(
    rita: Typist, marketplace: str, mturk: "MTurkClient", tmp_path: Path
) -> None:
    publish(mturk, pictures(1))
    group = '[[group]]\nname = "{}"\nbehaviour = "{}"\nworkers = 2\n'
    (tmp_path / "crowd.toml").write_text(
        "seed = 3\npatience_s = 0\n" + group.format("models", "llm") + group.format("night shift", "tiring")
    )
    assert rita.types("crowd", marketplace, "--plan", "crowd.toml", "--workers", "6", "--most", "1") == 0
    assert row_of(rita.said, "models")[0] == row_of(rita.said, "night shift")[0] == "3"
    assert "5 Assignments submitted" in rita.said


def test_workers_may_arrive_over_a_short_day(rita: Typist, marketplace: str, mturk: "MTurkClient") -> None:
    publish(mturk, pictures(1))
    assert rita.types("crowd", marketplace, "--careful", "5", "--day", "1.5", "--shape", "office", *NO_WAIT) == 0
    seconds = re.search(r"5 Workers, ([0-9.]+) s", rita.said)
    assert seconds
    assert float(seconds[1]) > 0.5


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("http://example.org",), "example.org is not this machine"),
        (("http://127.0.0.1:9", "--enter", "https://example.org/enter/x"), "example.org is not this machine"),
        (("http://127.0.0.1.example.org",), "is not this machine"),
        (("127.0.0.1:8701",), "is no address"),
        (("http://127.0.0.1:99999",), "is no address"),
        (("http://[::1",), "is no address"),
        (("http://127.0.0.1:9", "--mix", "careful", "--bot", "1"), "--mix and --bot say different things"),
        (("http://127.0.0.1:9", "--plan", "p.toml", "--bot", "1"), "--plan and --bot say different things"),
        (("http://127.0.0.1:9", "--day", "5", "--shape", "odd"), "none of flat, evening, office"),
        (("http://127.0.0.1:9", "--careful", "-1"), "--careful"),
    ],
)
def test_a_crowd_that_makes_no_sense_is_refused_before_anybody_leaves(
    rita: Typist, options: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert rita.types("crowd", *options) == 2
    assert told in rita.complained


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--plan", "none.toml"), "none.toml: cannot be read"),
        (("--mix", "lazy"), "'lazy'"),
        (("--workers", "0"), "workers must be 1 to"),
        (("--key", "none.jsonl"), "none.jsonl: cannot be read"),
        (("--careful", "1"), "does not answer at http://127.0.0.1:9/"),
    ],
)
def test_a_fault_is_one_message(rita: Typist, options: tuple[str, ...], told: str) -> None:
    assert rita.types("crowd", "http://127.0.0.1:9", *options) == 1
    assert told in rita.complained
    assert "Traceback" not in rita.complained


def test_a_server_of_ones_own_elsewhere_must_be_vouched_for(rita: Typist) -> None:
    options = ("crowd", "http://labeljury.invalid:9", "--careful", "1")
    assert rita.types(*options) == 2
    assert rita.types(*options, "--yes-this-is-my-server") == 1
    assert "does not answer at http://labeljury.invalid:9" in rita.complained


def test_ctrl_c_sends_everybody_home_with_empty_hands_and_a_summary(
    marketplace: str, mturk: "MTurkClient", tmp_path: Path
) -> None:
    hit_id = publish(mturk, pictures(1), MaxAssignments=8)
    command = [sys.executable, "-m", "app.cli", "crowd", marketplace, "--slow", "4", "--time-scale", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as crowd:
        try:
            wait_until_accepted(mturk, hit_id, 4)
            crowd.send_signal(signal.SIGINT)
            said, complained = crowd.communicate(timeout=120)
        finally:
            crowd.kill()
    assert (crowd.returncode, complained) == (130, "")
    assert said.startswith("Stopped.\n0 Assignments submitted, 4 returned, 0 abandoned.\n")
    assert row_of(said, "slow")[:3] == ["4", "0", "4"]
    assert mturk.get_hit(HITId=hit_id)["HIT"]["NumberOfAssignmentsAvailable"] == 8
    assert list(assignments(mturk, hit_id)) == []


def wait_until_accepted(mturk: "MTurkClient", hit_id: str, count: int) -> None:
    deadline = time.monotonic() + 120
    while mturk.get_hit(HITId=hit_id)["HIT"]["NumberOfAssignmentsPending"] < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
