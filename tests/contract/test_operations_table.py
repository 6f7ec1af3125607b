"""docs/mturk-operations.md says what the contract's tests send; the last of them all."""

from pathlib import Path

import pytest

from tests.contract import recording

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

TABLE = Path(__file__).resolve().parents[2] / "docs" / "mturk-operations.md"


def test_every_operation_and_parameter_is_sent_and_the_table_says_so(
    request: pytest.FixtureRequest, foreign_endpoint: str | None
) -> None:
    ran = {item.path.name for item in request.session.items}
    wanted = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    if foreign_endpoint is not None or not wanted <= ran or request.config.getoption("-k"):
        pytest.skip("tells only what all of tests/contract sends to our own marketplace")
    missing = recording.untested(recording.LEDGER)
    assert not missing, missing
    page = recording.table(recording.LEDGER)
    if request.config.getoption("--write-operations-table"):
        TABLE.write_text(page, encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == page, "the table is older than the tests: make operations-table"
