"""`python -m firedoor.cli`, which is `firedoor`."""

from firedoor.cli.main import main

if __name__ == "__main__":
    main()
