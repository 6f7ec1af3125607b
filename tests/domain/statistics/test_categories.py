from app.domain.statistics.categories import tabulate
from app.domain.vocabulary import Category


def test_the_studys_table_of_cifar10_adds_up() -> None:
    table = tabulate(
        {Category.NON_ERROR: 221, Category.CORRECTABLE: 18, Category.NEITHER: 4, Category.NON_AGREEMENT: 32}
    )
    assert (table.checked, table.errors) == (275, 54)
    assert (table.non_errors, table.correctable, table.multi_label, table.neither) == (221, 18, 0, 4)
    assert table.non_agreement == 32


def test_pairs_count_like_a_mapping() -> None:
    assert tabulate([(Category.MULTI_LABEL, 2)]) == tabulate({Category.MULTI_LABEL: 2})


def test_nothing_checked_is_nothing_found() -> None:
    assert (tabulate({}).checked, tabulate({}).errors) == (0, 0)
