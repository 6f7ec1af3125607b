import io
import sys
from decimal import Decimal

import pytest

from app.cli import talking


def test_money_has_two_decimals() -> None:
    assert [talking.dollars(Decimal(amount)) for amount in ("0", "0.9", "1200")] == ["$0.00", "$0.90", "$1200.00"]


def test_output_that_no_terminal_shows_is_never_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    written = io.StringIO()
    monkeypatch.setattr(sys, "stdout", written)
    line = "word " * 300
    talking.console().print(line)
    assert written.getvalue() == f"{line}\n"
