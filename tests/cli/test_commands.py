"""Commands on a database that is given, in this process."""

import io
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select, text

from app import __version__
from app.access import logins
from app.access.accounts import FIRST_EMAIL, ensure_first_account
from app.cli import main
from app.cli.batch_options import FileFormat
from app.db.engine import Database
from app.db.item_sources import ItemFormat
from app.db.tables import Login

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROW = "id,text,given_label,guessed_label\n1,one,cat,dog\n"


class Typist:
    """Somebody who types `labeljury …` in a folder; `said` and `complained` are the last command's output."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture
        patch.delenv("COLUMNS", raising=False)  # xdist sets it, and commands would fold their lines
        self.said = self.complained = ""

    def types(self, *arguments: str) -> int:
        self._patch.setattr(sys, "argv", ["labeljury", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        self.said, self.complained = self._capture.readouterr()
        return int(ended.value.code or 0)


@pytest.fixture
def rita(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], database_url: str, tmp_path: Path
) -> Typist:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LABELJURY_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "one.csv").write_text(ROW)
    return Typist(monkeypatch, capfd)


def drafted(rita: Typist, *options: str) -> str:
    assert rita.types("batch", "create", "one.csv", "--template", "text", *options) == 0, rita.complained
    found = re.search(r"Batch (\d+): 1 Item, a draft", rita.said)
    assert found, rita.said
    return found[1]


def test_the_version_is_told(rita: Typist) -> None:
    assert rita.types("--version") == 0
    assert rita.said == f"labeljury {__version__}\n"


def test_a_lost_password_is_replaced_and_its_logins_end(rita: Typist, database: Database) -> None:
    with database.transaction() as db:
        first = ensure_first_account(db)
        assert first is not None
        logins.sign_in(db, first.email, first.password, address="127.0.0.1", now=NOW)
    assert rita.types("account", "list") == 0
    assert re.search(rf"{FIRST_EMAIL} +owner", rita.said)
    assert rita.types("account", "reset-password", FIRST_EMAIL) == 0
    password = rita.said.split("password ")[1].split()[0]
    with database.transaction() as db:
        assert db.scalars(select(Login)).all() == []
        assert logins.sign_in(db, FIRST_EMAIL, first.password, address="127.0.0.1", now=NOW) is None
        assert logins.sign_in(db, FIRST_EMAIL, password, address="127.0.0.1", now=NOW)


def test_an_unknown_accounts_password_is_not_reset(rita: Typist) -> None:
    assert rita.types("account", "reset-password", "nobody@example.org") == 1
    assert "nobody@example.org does not exist; `labeljury account list`" in rita.complained


def test_a_deposit_is_added_and_written_down(rita: Typist, database: Database) -> None:
    assert rita.types("marketplace", "deposit", "500") == 0
    assert rita.said == "$500.00 added; the balance is $10500.00.\n"
    with database.transaction() as db:
        amounts = db.execute(text("SELECT available_delta_usd FROM marketplace.transactions ORDER BY id")).scalars()
        assert list(amounts) == [Decimal(10_000), Decimal(500)]


@pytest.mark.parametrize("amount", ["0", "0.001", "nan", "inf", "1e30"])
def test_a_deposit_that_is_no_sum_of_money_is_refused(rita: Typist, amount: str) -> None:
    assert rita.types("marketplace", "deposit", amount) == 1
    assert rita.complained.startswith("error: amount: ")


def test_a_cap_below_the_cost_is_told_at_once_and_again_at_launch(rita: Typist) -> None:
    number = drafted(rita, "--cap", "0.10")
    assert f"does not cover that: labeljury batch set-cap {number} 0.30" in rita.said
    assert rita.types("batch", "launch", number) == 1
    assert "labeljury batch set-cap" in rita.complained


def test_raising_the_cap_of_real_money_is_asked_for_and_elsewhere_it_is_not(
    rita: Typist, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = drafted(rita, "--profile", "production", "--cap", "0.30")
    assert rita.types("batch", "set-cap", number, "0.40") == 0  # a draft: launching asks
    with database.transaction() as db:
        db.execute(text("UPDATE batches SET status = 'live', launched_at = now()"))
    for typed, ends in (("5", 1), ("0.5", 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{typed}\n"))
        assert rita.types("batch", "set-cap", number, "0.50") == ends
        assert "Type the new cap (0.50)" in rita.said
    assert rita.types("batch", "set-cap", number, "0.60", "--confirm-cost", "6") == 1
    assert "up to $0.60 of real money" in rita.complained
    assert rita.types("batch", "set-cap", number, "0.60", "--confirm-cost", "0.6") == 0
    assert rita.types("batch", "set-cap", number, "0.45") == 0


def test_production_names_the_missing_settings_before_it_asks_for_the_amount(rita: Typist) -> None:
    number = drafted(rita, "--profile", "production")
    assert rita.types("batch", "launch", number) == 1
    assert "LABELJURY_ALLOW_PRODUCTION=true" in rita.complained
    assert "Type the amount" not in rita.said + rita.complained


def test_a_wrong_confirmation_launches_nothing(rita: Typist) -> None:
    number = drafted(rita)
    assert rita.types("batch", "launch", number, "--confirm-cost", "7") == 1
    assert "the cost is $0.30 and $7 were confirmed" in rita.complained


def test_faults_are_told_by_the_options_names(rita: Typist) -> None:
    options = ("--reward", "0.001", "--assignments", "0", "--lifetime-days", "0", "--minutes", "0", "--cap", "-1")
    assert rita.types("batch", "create", "one.csv", *options) == 1
    for option in ("--reward: ", "--assignments: ", "--lifetime-days: ", "--minutes: ", "--cap: "):
        assert option in rita.complained
    assert "_usd" not in rita.complained


def test_an_unknown_template_is_answered_with_those_there_are(rita: Typist) -> None:
    assert rita.types("batch", "create", "one.csv", "--template", "smell") == 1
    assert "audio, image, text" in rita.complained


def test_a_file_of_any_name_is_read_once_its_format_is_named(rita: Typist, tmp_path: Path) -> None:
    assert {*FileFormat} == {*ItemFormat}
    (tmp_path / "one.data").write_text(ROW)
    create = ("batch", "create", "one.data", "--template", "text")
    assert rita.types(*create) == 1
    assert "name the format" in rita.complained
    assert rita.types(*create, "--format", "csv") == 0
    assert "1 Item, a draft" in rita.said


def test_rounds_are_options_of_create_and_their_cost_is_told(rita: Typist) -> None:
    Path("many.csv").write_text("id,text,given_label,guessed_label\n" + "".join(f"{n},x,cat,dog\n" for n in range(10)))
    options = ("--first", "3", "--repost-limit", "1", "--pilot", "4", "--release-at", "0.8")
    assert rita.types("batch", "create", "many.csv", "--template", "text", *options) == 0, rita.complained
    assert "It will cost at most $3.00" in rita.said
    assert "in nine of ten cases" in rita.said
    assert "First a pilot of 4 Items" in rita.said


def test_masters_are_an_option_of_create_told_with_their_fee_wherever_the_batch_is_shown(rita: Typist) -> None:
    number = drafted(rita, "--masters", "--reward", "0.50")
    assert "$0.65 in fees" in rita.said
    for command in ("launch", "status"):
        rita.types("batch", command, number)
        assert "Masters alone may take part" in rita.said


def test_faults_of_the_rounds_are_named_together(rita: Typist) -> None:
    faulty = ("--first", "6", "--release-at", "0.8", "--exclude-workers-of", "7,9", "--repost-limit", "99")
    assert rita.types("batch", "create", "one.csv", *faulty, "--days-until-approval", "31") != 0
    complained = " ".join(rita.complained.split())
    for complaint in (
        "--first: use 1 to 5",
        "--release-at: has no effect",
        "--exclude-workers-of: Batch 7 does not",
        "--exclude-workers-of: Batch 9 does",
        "--repost-limit: use 0",
        "--days-until-approval: use 0",
    ):
        assert complaint in complained
    assert rita.types("batch", "create", "one.csv", "--template", "text", "--pilot", "1") != 0
    assert "--pilot: the file has 1 Item;" in rita.complained


def test_numbers_of_batches_that_are_none_are_refused(rita: Typist) -> None:
    assert rita.types("batch", "create", "one.csv", "--template", "text", "--exclude-workers-of", "x") != 0
    assert "names no Batches" in rita.complained


def test_releasing_without_a_pilot_and_reposting_without_need_say_why_not(rita: Typist) -> None:
    batch = drafted(rita)
    assert rita.types("batch", "release", batch) != 0
    assert "has no pilot" in rita.complained
    assert rita.types("batch", "repost", batch) != 0
    assert "is draft" in rita.complained
