"""`python -m dciflow`: the same as the command `dciflow`."""

from dciflow.cli import main

main()
