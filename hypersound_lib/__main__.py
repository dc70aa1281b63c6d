"""`python -m hypersound_lib`: the same as the command `hypersound`."""

import sys

from hypersound_lib.cli import main

if __name__ == "__main__":
    sys.exit(main())
