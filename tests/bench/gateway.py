"""Firedoor's own gateway as one process of the benchmark, as `firedoor gateway` runs it."""

from __future__ import annotations

import sys

from firedoor import serving
from firedoor.logs import configure_logging
from firedoor.settings import from_environment

if __name__ == "__main__":
    configure_logging()
    serving.run(from_environment(), "127.0.0.1", int(sys.argv[1]))
