from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.server_cursors import in_groups


def test_rows_come_in_groups_and_the_transaction_stays_usable(db: Session) -> None:
    query = "SELECT n FROM generate_series(1, %(most)s) AS n"
    sizes = []
    for rows in in_groups(db, query, {"most": 25}, size=10):
        sizes.append(len(rows))
        assert db.scalar(text("SELECT 1")) == 1
    assert sizes == [10, 10, 5]
    assert list(in_groups(db, query, {"most": 0}, size=10)) == []
