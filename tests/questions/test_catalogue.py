import shutil
from pathlib import Path

import pytest

from app.domain.vocabulary import MediaType
from app.errors import InvalidInput, NotFound
from app.questions import catalogue

MANIFEST = """
media_type = "text"
title = "T"
description = "D"
keywords = "k"
instructions = "I"
seconds_per_item = 5
frame_height = 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one sound template, `own`, and a copy of what templates share."""
    shutil.copytree(catalogue.FOLDER / "_shared", tmp_path / "_shared")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "manifest.toml").write_text(MANIFEST)
    (tmp_path / "own" / "question.html").write_text("{% for item in items %}{{ item.text }}{% endfor %}")
    return tmp_path


def test_there_is_a_template_for_each_kind_of_media() -> None:
    assert [template.name for template in catalogue.available()] == ["audio", "image", "text"]
    assert {template.media_type for template in catalogue.available()} == set(MediaType)


@pytest.mark.parametrize("template", catalogue.available(), ids=lambda template: template.name)
def test_a_template_is_whole_neutral_and_documented(template: catalogue.HitTemplate) -> None:
    home = catalogue.FOLDER / template.name
    assert "{% include" not in template.source
    for word in ("given", "guess", "dataset", "suspect", "http://", "https://"):
        assert word not in template.source.lower()
    assert (home / "README.md").read_text(encoding="utf-8").startswith(f"# {template.name}\n")
    assert len(catalogue.example_items(template.name)) >= 3


def test_the_labels_of_examples_stand_in_alphabetical_order() -> None:
    assert all(item.label_a <= item.label_b for item in catalogue.example_items("image"))


@pytest.mark.parametrize("name", ["nothing", "", "_shared", "../app", "image/../text", "Image", "/etc"])
def test_an_unknown_name_is_not_found(name: str) -> None:
    with pytest.raises(NotFound, match="HIT template"):
        catalogue.load(name)


def test_the_digest_follows_the_manifest_the_question_and_what_it_includes(folder: Path) -> None:
    (folder / "own" / "question.html").write_text('{% include "_shared/note.html" %}')
    digests = set()
    for note, manifest in [("one", MANIFEST), ("two", MANIFEST), ("two", MANIFEST + "# changed\n")]:
        (folder / "_shared" / "note.html").write_text(note)
        (folder / "own" / "manifest.toml").write_text(manifest)
        digests.add(catalogue.load("own", folder=folder).sha256)
    assert len(digests) == 3


def test_all_faults_of_a_manifest_are_reported_at_once(folder: Path) -> None:
    (folder / "own" / "manifest.toml").write_text(
        f'media_type = "video"\ntitle = "{"x" * 129}"\nkeywords = ""\ninstructions = 3\n'
        "seconds_per_item = 0\nframe_height = true\ncolour = 1\n"
    )
    with pytest.raises(InvalidInput) as caught:
        catalogue.load("own", folder=folder)
    fields = [problem.field for problem in caught.value.problems]
    assert fields == [
        f"manifest.toml, {name}"
        for name in (
            "colour",
            "media_type",
            "title",
            "description",
            "keywords",
            "instructions",
            "seconds_per_item",
            "frame_height",
        )
    ]


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        ("{% for item in items %}", "cannot be rendered"),
        ("{{ colour }}", "cannot be rendered"),
        ('{% include "_shared/nothing.html" %}', "nothing.html: this file is missing"),
        ('{% include "../../secret" %}', "cannot be rendered"),
    ],
)
def test_a_faulty_question_is_refused_before_it_is_used(folder: Path, question: str, fault: str) -> None:
    (folder / "own" / "question.html").write_text(question)
    with pytest.raises(InvalidInput, match=fault):
        catalogue.load("own", folder=folder)


def test_a_manifest_that_is_not_toml_or_not_utf8_is_refused(folder: Path) -> None:
    (folder / "own" / "manifest.toml").write_text("title = ")
    with pytest.raises(InvalidInput, match="not valid TOML"):
        catalogue.load("own", folder=folder)
    (folder / "own" / "manifest.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(InvalidInput, match="not UTF-8"):
        catalogue.load("own", folder=folder)


def test_a_template_without_a_question_is_refused(folder: Path) -> None:
    (folder / "own" / "question.html").unlink()
    with pytest.raises(InvalidInput, match=r"question\.html: this file is missing"):
        catalogue.load("own", folder=folder)


def test_a_file_that_includes_itself_is_refused(folder: Path) -> None:
    (folder / "_shared" / "loop.html").write_text('{% include "_shared/loop.html" %}')
    (folder / "own" / "question.html").write_text('{% include "_shared/loop.html" %}')
    with pytest.raises(InvalidInput, match="includes itself"):
        catalogue.load("own", folder=folder)


def test_a_template_without_examples_says_so(folder: Path) -> None:
    with pytest.raises(NotFound, match="example of HIT template own"):
        catalogue.example_items("own", folder=folder)


@pytest.mark.parametrize("line", ["{", "[]", '{"media": "x"}', "7"])
def test_a_faulty_example_is_named_with_its_line(folder: Path, line: str) -> None:
    good = '{"media": "x", "given_label": "b", "guessed_label": "a"}'
    (folder / "own" / "example_items.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(InvalidInput, match=r"line 2, example_items\.jsonl"):
        catalogue.example_items("own", folder=folder)
