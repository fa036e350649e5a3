"""`python -m firedoor.demo`, which is `firedoor demo`."""

import sys

from firedoor.cli.main import app

app(["demo", *sys.argv[1:]], prog_name="firedoor")
