import pytest

from app.db.sheets import MOST_PROBLEMS, Faults, SheetRow, read_sheet
from app.errors import InvalidInput, Problem

NEEDED = ("AssignmentId", "Reason")


def rows(content: bytes | str) -> list[SheetRow | Problem]:
    raw = content.encode() if isinstance(content, str) else content
    return list(read_sheet(raw, needed=NEEDED, wanted=("WorkerId",)))


def values(content: bytes | str) -> list[dict[str, str]]:
    return [dict(row.values) for row in rows(content) if isinstance(row, SheetRow)]


PLAIN = [{"AssignmentId": "3A", "Reason": "good"}]


@pytest.mark.parametrize(
    "content",
    [
        "AssignmentId,Reason\n3A,good\n",
        "\ufeffAssignmentId,Reason\r\n3A,good\r\n",
        "sep=;\nAssignmentId;Reason\n3A;good\n",
        '"AssignmentId"\t"Reason"\n"3A"\t"good"',
        "\n\nreason , ASSIGNMENTID,Other\ngood,3A,x\n,,\n",
        "AssignmentId,Reason\n3A,good\n".encode("utf-16"),
    ],
    ids=["plain", "BOM and CRLF", "Excel's separator line", "tabs", "another order and case", "UTF-16"],
)
def test_spreadsheets_write_the_same_sheet_in_many_ways(content: bytes | str) -> None:
    assert values(content) == PLAIN


def test_lines_count_on_through_quoted_line_ends() -> None:
    found = rows('AssignmentId,Reason\r\n3A,"two\r\nlines"\r\n\r\n3B,x\r\n')
    assert [(row.line, row.values["AssignmentId"]) for row in found if isinstance(row, SheetRow)] == [
        (2, "3A"),
        (5, "3B"),
    ]


def test_a_row_with_too_many_fields_is_named_and_the_others_are_read() -> None:
    found = rows("AssignmentId,Reason\n3A,good, but slow\n3B,fine,,\n3C\n")
    assert isinstance(found[0], Problem)
    assert (found[0].line, "needs quotes" in found[0].message) == (2, True)
    assert values("AssignmentId,Reason\n3C\n") == [{"AssignmentId": "3C", "Reason": ""}]
    assert len(found) == 3


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "the file is empty"),
        (b"\n , \n", "the file is empty"),
        (b"AssignmentId\n3A\n", "Reason: the column is missing"),
        (b"AssignmentId,Reason,reason\n", "Reason: the column is there twice"),
        (b"AssignmentId,Reason\n3A,caf\xe9\n", "line 2: is not UTF-8"),
    ],
)
def test_a_file_that_is_no_such_sheet_is_refused(content: bytes, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        rows(content)


def test_a_quote_that_is_never_closed_is_named() -> None:
    found = rows('AssignmentId,Reason\n3A,ok\n3B,"never\nclosed')
    assert isinstance(found[-1], Problem)
    assert (found[-1].line, len(found)) == (3, 2)


def test_a_report_lists_the_first_faults_and_counts_all() -> None:
    faults = Faults()
    for line in range(MOST_PROBLEMS + 5, 0, -1):
        faults.add(Problem("no", line=line))
    with pytest.raises(InvalidInput) as refused:
        faults.check()
    assert (len(refused.value.problems), refused.value.total) == (MOST_PROBLEMS, MOST_PROBLEMS + 5)
    assert refused.value.problems[0].line == 6
