"""`python -m app.cli`: the command without its installed script."""

from app.cli.main import main

main()
