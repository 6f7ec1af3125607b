import hashlib
import re
import tomllib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.web.application import STATIC
from app.web.rendering import TEMPLATES
from tests.cast import Visitor


@pytest.mark.parametrize("path", ["/sign-in", "/nothing-here", "/static/console.css", "/health/live", "/api/v1/me"])
def test_every_answer_tells_browsers_what_it_may_not_do(stranger: TestClient, path: str) -> None:
    headers = stranger.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


def test_the_workers_page_runs_walled_in(rita: Visitor) -> None:
    policy = rita.client.get("/questions/image/frame").headers["content-security-policy"]
    assert "sandbox allow-scripts;" in policy
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert "frame-ancestors 'self'" in policy


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_pages_have_nothing_inline_and_nothing_from_outside(template: Path) -> None:
    source = template.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", source)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", source)
    assert "|safe" not in source.replace(" ", "")


def test_what_others_wrote_is_here_as_they_wrote_it() -> None:
    files = tomllib.loads((STATIC / "vendor.toml").read_text())["file"]
    for vendored in files:
        assert hashlib.sha256((STATIC / vendored["file"]).read_bytes()).hexdigest() == vendored["sha256"]
        assert vendored["version"]
        assert vendored["licence"]
        assert (STATIC / vendored["licence_file"]).is_file()
    ours = {"console.css", "console.js", "mark.svg", "vendor.toml"}
    listed = {entry[key] for entry in files for key in ("file", "licence_file")}
    assert {path.name for path in STATIC.iterdir()} == ours | listed
