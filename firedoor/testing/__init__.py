"""What Firedoor is tested with: the conformance kit that every action passes, and a strict fake Slack."""

from __future__ import annotations

import sys

# Before it is imported: so that a failed check shows what it compared. Where no test runs there is no pytest,
# and the fake Slack needs none.
_pytest = sys.modules.get("pytest")
if _pytest is not None:
    _pytest.register_assert_rewrite("firedoor.testing.conformance")
