"""The conformance kit: what every action must do, checked in a world that a scene sets up."""

from __future__ import annotations

import pytest

# Before it is imported: so that a failed check shows what it compared.
pytest.register_assert_rewrite("firedoor.testing.conformance")
