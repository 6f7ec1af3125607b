"""`labeljury stability`: whether a benchmark's ranking survives corrected labels and rising noise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.results import whole_file
from app.cli.targets import check_targets
from app.domain.correction_rules import Fate
from app.domain.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from app.domain.statistics.rank_flips import RankFlip
    from app.domain.statistics.stability import ModelScore
    from app.files.benchmark import Benchmark
    from app.reporting.document import Table

SHOWN = 20
SEED = 7
_INCHES = 3.2

_EPILOG = """Examples:

`labeljury stability --labels given.npy --corrected corrected.npy --predictions resnet=r.npy --predictions vgg=v.npy`

`labeljury stability --labels given.csv --corrected labels-7.csv --predictions resnet=r.csv --plot noise.svg --out models.csv`

Corrected labels come from `labeljury study correct` or `labeljury export BATCH labels`. Predictions are class numbers or
probabilities as .npy in the order of the labels, or a table with the columns id and label."""


LabelsOption = Annotated[Path, typer.Option(help="The given labels: .npy, or a table with id and label.")]
CorrectedOption = Annotated[
    Path, typer.Option(help="Corrected labels: .npy in the same order; or a table with id and label, empty: dropped.")
]
PredictionsOption = Annotated[
    list[str], typer.Option("--predictions", metavar="MODEL=FILE", help="A model's predictions. Repeatable.")
]
CheckedOption = Annotated[
    Path | None,
    typer.Option(help="The Items checked: .npy of positions, or a table with id. Default: those listed or changed."),
]
KeptOption = Annotated[
    Path | None,
    typer.Option(help="Positions that --corrected holds, where it is shorter. Default: CORRECTED.kept.npy."),
]
AbsentOption = Annotated[
    Fate, typer.Option(help="Items that a table of corrected labels does not list: keep their label, or drop them.")
]
ClassesOption = Annotated[
    str | None, typer.Option(help="Class names in the order of their numbers, by commas, where labels are words.")
]
OutOption = Annotated[Path | None, typer.Option(help="Write the models: .csv, .tsv, .jsonl or .parquet.")]
PairsOption = Annotated[Path | None, typer.Option(help="Write all pairs of models, likewise.")]
PlotOption = Annotated[Path | None, typer.Option(help="Draw the accuracy over the share of mislabelled Items: .svg.")]
ReplicatesOption = Annotated[int, typer.Option(min=100, max=100_000, help="Bootstrap resamples behind probabilities.")]


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(epilog=_EPILOG)(stability)


def stability(
    labels: LabelsOption,
    corrected: CorrectedOption,
    predictions: PredictionsOption,
    checked: CheckedOption = None,
    kept: KeptOption = None,
    absent: AbsentOption = Fate.KEEP,
    classes: ClassesOption = None,
    out: OutOption = None,
    pairs: PairsOption = None,
    plot: PlotOption = None,
    replicates: ReplicatesOption = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same probabilities.")] = SEED,
) -> None:
    """Score models on given and on corrected labels, and tell where their ranking turns as label noise rises.

    Items without a corrected label are dropped. The share of mislabelled Items rises from the actual one to all by taking
    correctly labelled ones away, as in the label-error study (arXiv:2103.14749, section 5).
    """
    import numpy as np

    from app.domain.label_arrays import class_names
    from app.domain.statistics.rank_flips import rank_flips
    from app.domain.statistics.stability import scores
    from app.files.benchmark import BenchmarkFiles, read_benchmark
    from app.files.tables import format_of

    for target in filter(None, (out, pairs)):
        format_of(target)
    _check_plot(plot)
    models = _models(predictions)
    check_targets((out, pairs, plot), (labels, corrected, checked, kept, *models.values()))
    files = BenchmarkFiles(labels, corrected, models, class_names(classes), kept, checked, absent)
    benchmark = read_benchmark(files)
    found = scores(benchmark.predictions, benchmark.labels)
    _tell(benchmark)
    _show_models(found, benchmark)
    if out:
        _write(out, _models_file(found))
    if plot:
        _draw(benchmark, plot)
    if not benchmark.labels.mislabelled.any():
        unwritten = f" {pairs} is not written." if pairs else ""
        typer.echo(f"No corrected label differs from the given one: no noise to vary.{unwritten}", err=True)
        return
    flips = rank_flips(benchmark.predictions, benchmark.labels, rng=np.random.default_rng(seed), replicates=replicates)
    _show_flips(flips)
    if pairs:
        _write(pairs, _pairs_file(flips))


def _models(given: Sequence[str]) -> dict[str, Path]:
    """`NAME=FILE`; without a name the file's own. Raises InvalidInput for two of one name."""
    from app.errors import InvalidInput, Problem
    from app.files.whole_text import whole_name

    found: dict[str, Path] = {}
    for text in given:
        name, equals, file = text.partition("=")
        path = Path(file) if equals else Path(text)
        name = name.strip() if equals else whole_name(path.stem)
        if not name.isprintable() or not name or not (file if equals else text).strip():
            raise InvalidInput([Problem(f"{text!r}: wanted MODEL=FILE", field="--predictions")])
        if name in found:
            raise InvalidInput([Problem(f"two models are called {name!r}; rename one", field="--predictions")])
        found[name] = path
    return found


def _check_plot(plot: Path | None) -> None:
    from app.errors import InvalidInput, Problem

    if plot is not None and plot.suffix.casefold() != ".svg":
        raise InvalidInput([Problem("a plot is drawn as .svg", field="--plot")])


def _tell(benchmark: Benchmark) -> None:
    labels = benchmark.labels
    for note in benchmark.notes:
        typer.echo(note, err=True)
    checked = f", {int(labels.checked.sum()):,} checked" if benchmark.checks_known else ""
    typer.echo(
        f"{counted(len(labels.given), 'Item')}{checked}; {int(labels.mislabelled.sum()):,} corrected, "
        f"{int((~labels.kept).sum()):,} dropped: {labels.noise_prevalence:.2%} of those kept are mislabelled.",
        err=True,
    )


def _show_models(found: Sequence[ModelScore], benchmark: Benchmark) -> None:
    from app.reporting.benchmark_tables import models_table

    _print(models_table(found, checked=benchmark.checks_known))
    talking.console().print(_what_counts(benchmark), markup=False)


def _what_counts(benchmark: Benchmark) -> str:
    """Which Items each column of the table of models counts."""
    labels = benchmark.labels
    kept, dropped = int(labels.kept.sum()), int((~labels.kept).sum())
    looked_at = int((labels.kept & labels.checked).sum())
    if benchmark.checks_known:
        were = counted(looked_at, "Item that was checked and is", "Items that were checked and are")
        beside = f"Checked: {were} not dropped."
    else:
        beside = f"Changed: {counted(looked_at, 'Item')} with another label now; --checked tells which were looked at."
    return (
        f"On given: all {counted(len(labels.given), 'Item')}{', the dropped ones too' if dropped else ''}. On corrected:"
        f" {counted(kept, 'Item')} not dropped. {beside} On mislabelled: {counted(int(labels.mislabelled.sum()), 'Item')}"
        " whose corrected label is another one."
    )


def _show_flips(flips: Sequence[RankFlip]) -> None:
    from app.reporting.benchmark_tables import flips_table

    if flips:
        _print(flips_table(flips, most=SHOWN))


def _print(table: Table) -> None:
    from app.cli.document_tables import printed

    talking.console().print(printed(table))


def _draw(benchmark: Benchmark, plot: Path) -> None:
    from app.domain.statistics.stability import noise_curve
    from app.reporting import plots, svg

    curve = noise_curve(benchmark.predictions, benchmark.labels)
    text = (
        "Accuracy of each model on corrected labels over the share of mislabelled Items, from the actual share to all."
    )
    drawn = svg.drawing("noise", "Accuracy as label noise rises", text, plots.noise(curve), height_in=_INCHES)
    with whole_file(plot) as file:
        file.write(svg.as_picture(drawn).encode())


def _models_file(found: Sequence[ModelScore]) -> pa.Table:
    from app.files.benchmark_files import models_file

    return models_file(found)


def _pairs_file(flips: Sequence[RankFlip]) -> pa.Table:
    from app.files.benchmark_files import pairs_file

    return pairs_file(flips)


def _write(target: Path, table: pa.Table) -> None:
    from app.files.tables import format_of, write_table

    with whole_file(target) as file:
        write_table(file, table, format_of(target))
