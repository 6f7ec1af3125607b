"""The command `labeljury`: one command per stage, under the stage's name."""

from app.cli.main import main

__all__ = ["main"]
