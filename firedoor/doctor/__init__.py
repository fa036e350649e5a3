"""The checks of `firedoor doctor`: each says what was found and what to do."""
