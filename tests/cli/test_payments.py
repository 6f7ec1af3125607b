"""Commands that pay, on a database that is given, in this process."""

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.engine import Database
from tests.cli.test_commands import Typist, drafted, rita
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_worker

__all__ = ["rita"]


@pytest.fixture
def batch(database: Database) -> str:
    """A live Batch's number; 3ADA is approved work of it, 3BOB is not decided."""
    with database.transaction() as db:
        batch = make_batch(db, status="live")
        hit = make_hit(db, batch, make_item(db, batch))
        make_assignment(db, hit, make_worker(db), marketplace_assignment_id="3ADA", status="approved")
        make_assignment(db, hit, make_worker(db), marketplace_assignment_id="3BOB")
        return str(batch.id)


def bonuses(database: Database) -> list[str]:
    with database.transaction() as db:
        return list(db.scalars(text("SELECT status FROM operations WHERE kind = 'bonus' ORDER BY id")))


def test_a_sheet_shows_its_cost_and_faults_before_it_pays(
    rita: Typist, batch: str, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "bonuses.csv").write_text("AssignmentId,BonusAmount,Reason\n3ADA,0.50,Thanks\n3NOBODY,1,x\n")
    assert rita.types("bonus", "pay", batch, "bonuses.csv") == 1
    assert "1 bonus, $0.50 for Workers and $0.10 in fees: $0.60" in rita.said
    assert "line 3, AssignmentId: Assignment '3NOBODY' is of no Batch here" in rita.complained
    assert "NOBODY" not in rita.said  # once is enough
    assert rita.types("bonus", "pay", batch, "bonuses.csv", "--skip-faulty", "--dry-run") == 0
    assert bonuses(database) == []
    assert rita.types("bonus", "pay", batch, "bonuses.csv", "--skip-faulty") == 0
    assert rita.types("bonus", "pay", batch, "bonuses.csv", "--skip-faulty") == 0
    assert ("1 bonus of the file asked for before" in rita.said, "Nothing is left to pay" in rita.said) == (True, True)
    assert bonuses(database) == ["intended"]


def test_one_bonus_is_paid_listed_and_cancelled(rita: Typist, batch: str, database: Database) -> None:
    assert rita.types("bonus", "one", batch, "3ADA", "0.505", "Thanks") == 1
    assert "BonusAmount: 0.505 has parts of a cent" in rita.complained
    assert rita.said == ""
    assert rita.types("bonus", "one", batch, "3ADA", "0.50", "Thanks") == 0
    assert rita.types("bonus", "list", batch) == 0
    found = re.search(r"^ *(\d+) +3ADA .*\$0\.50 +\$0\.10 +intended +Thanks", rita.said, re.MULTILINE)
    assert found, rita.said
    assert rita.types("bonus", "cancel", batch, found[1]) == 0
    assert bonuses(database) == ["cancelled"]
    assert rita.types("bonus", "retry", batch, found[1]) == 1
    assert "was not refused" in rita.complained


def test_a_compensation_and_the_ledger_are_shown(rita: Typist, batch: str, tmp_path: Path) -> None:
    assert rita.types("compensate", batch, "A2DORA12", "0.80", "--reason", "Lost page") == 0
    assert rita.types("compensate", batch, "A2DORA12", "0.80", "--reason", "Lost page") == 1
    assert "another reason" in rita.complained
    assert rita.types("payments", batch) == 0
    assert ("reserved $0.96" in rita.said, "reservation" in rita.said) == (True, True)
    assert rita.types("payments", batch, "--out", "ledger.csv") == 0
    assert len((tmp_path / "ledger.csv").read_text().splitlines()) == 2


def test_results_go_out_and_their_decisions_come_in(
    rita: Typist, batch: str, database: Database, tmp_path: Path
) -> None:
    assert rita.types("results", "export", batch) == 0
    path = tmp_path / f"Batch_{batch}_batch_results.csv"
    lines = path.read_text().splitlines()
    assert (len(lines), lines[0].endswith('Approve","Reject"') or lines[0].endswith("Approve,Reject")) == (3, True)
    assert rita.types("results", "export", batch, "--worker-ids") == 0
    assert "WorkerId" in (tmp_path / f"Batch_{batch}_batch_results-with-worker-ids.csv").read_text()
    (tmp_path / "reviewed.csv").write_text("AssignmentId,Approve,Reject\n3ADA,x,\n3BOB,,Not what was asked\n")
    assert rita.types("results", "import", batch, "reviewed.csv", "--dry-run") == 0
    assert "0 to approve, 1 to reject, 0 rejections to take back; 1 are so already" in rita.said
    assert rita.types("results", "import", batch, "reviewed.csv") == 0
    with database.transaction() as db:
        assert db.execute(text("SELECT count(*) FROM operations WHERE kind = 'reject'")).scalar_one() == 1


@pytest.mark.parametrize(
    ("command", "content"),
    [
        (("bonus", "pay"), "AssignmentId,BonusAmount,Reason\n3ADA,0.50,Thanks\n3NOBODY,1,x\n"),
        (("results", "import"), "AssignmentId,Approve,Reject\n3BOB,x,\n3NOBODY,x,\n"),
    ],
)
def test_a_dry_run_that_finds_faults_fails_as_the_real_run_would_and_says_what_to_do(
    rita: Typist, batch: str, database: Database, tmp_path: Path, *, command: tuple[str, str], content: str
) -> None:
    (tmp_path / "sheet.csv").write_text(content)
    for more in (("--dry-run",), ()):
        assert rita.types(*command, batch, "sheet.csv", *more) == 1
        assert "line 3" in rita.complained
        assert "Mend these rows" in rita.complained
        assert "--skip-faulty" in rita.complained
    assert rita.types(*command, batch, "sheet.csv", "--dry-run", "--skip-faulty") == 0
    assert "line 3" in rita.said
    with database.transaction() as db:
        assert db.scalar(text("SELECT count(*) FROM operations")) == 0


def test_a_wage_proposes_the_reward_and_says_how(rita: Typist) -> None:
    number = drafted(rita, "--hourly", "15", "--top-up")
    assert re.search(r"Reward: \d+\.\d s an Item \(the template's own estimate.*= \$\d+\.\d\d a HIT", rita.said)
    assert rita.types("bonus", "top-up", number) == 0
    assert "0 Workers" in rita.said
    assert rita.types("batch", "create", "one.csv", "--template", "text", "--top-up") == 1
    assert "--hourly: a top-up needs an hourly wage" in rita.complained
    assert rita.types("batch", "create", "one.csv", "--template", "text", "--hourly", "0.001") == 1
    assert "parts of a cent" in rita.complained
