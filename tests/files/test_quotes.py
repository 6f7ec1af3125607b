from pathlib import Path

import pytest

from app.errors import InvalidInput
from app.files.item_columns import GIVEN_NAMES, read_item_column
from app.files.long_answers import read_answers
from app.files.quotes import check_quotes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('task,worker,label\n1,w,"a\n1,v,a\n', 2),
        ('task,worker,label\n1,w,a\n1,v,"a', 3),
        ('task,worker,label\r\n1,"two\r\nlines",a\r\n2,w,"a\r\n3,w,a\r\n', 4),
        ('\ufeff"task","worker","label"\n1,w,"a\n1,v,"b"\n', 2),
        ('"task,worker,label\n1,w,a\n', 1),
        ('task,worker,label\r1,w,"a\r1,v,a\r', 2),
        ('task,worker,label\n1,w,"a""\n1,v,a\n', 2),
        ('task,worker,label\n1,w,"', 2),
    ],
)
def test_a_quote_that_never_ends_is_refused_with_its_line(path: Path, content: str, line: int) -> None:
    path.write_text(content, newline="")
    with pytest.raises(InvalidInput) as refused:
        check_quotes(path, ",")
    assert str(refused.value).startswith(f"line {line}, a.csv: a quote opens here")


@pytest.mark.parametrize(
    "content",
    [
        "",
        'task\n""\n',
        '\ufeff"task","label"\r\n"1","say ""a"""\r\n',
        'task,label\n1,"two\nlines"\n2,5" disk\n3, "b"\n4,"a"b\n\n5,x"',
        'task,label\r1,"two\rlines"\r',
        '"a","b"\n"c","d"',
    ],
)
def test_quotes_as_the_readers_take_them_pass(path: Path, content: str) -> None:
    path.write_text(content, newline="")
    check_quotes(path, ",")


def test_a_tab_ends_the_cells_of_tsv(path: Path) -> None:
    path.write_text('task\tlabel\n1\t"a, b"\n2\t"a\n')
    with pytest.raises(InvalidInput, match=r"line 3, a\.csv: a quote opens here"):
        check_quotes(path, "\t")


def test_every_reader_of_tables_asks(path: Path) -> None:
    path.write_text('task,worker,label\n1,w,"a\n1,v,a\n')
    with pytest.raises(InvalidInput, match=r"line 2, a\.csv: a quote opens here"):
        read_answers(path)
    with pytest.raises(InvalidInput, match=r"line 2, a\.csv: a quote opens here"):
        read_item_column(path, GIVEN_NAMES)
