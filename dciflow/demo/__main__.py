"""`python -m dciflow.demo [up]`."""

import sys

from dciflow.demo.story import main

if __name__ == "__main__":
    sys.exit(main())
