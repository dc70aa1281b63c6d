#!/bin/sh
# Find a Python >= 3.11 and let it make, check or repair .venv (setup_venv.py does the work).
# `make PYTHON=/path/to/python3 ...` chooses another one.
here=$(dirname "$0")
for python in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3.14 python3 python; do
    # A version manager leaves stubs of Pythons that do not run, so ask by running it.
    if "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        exec "$python" -I "$here/setup_venv.py" "$@"
    elif [ -n "$PYTHON" ]; then
        echo "PYTHON=$PYTHON is not a Python 3.11 or newer that runs" >&2
        exit 1
    fi
done

if [ "$1" = --missing ]; then
    echo "python3 python3-venv python3-dev build-essential"
    exit 0
fi
cat >&2 <<'END'
No Python 3.11 or newer was found. Install one, then run the command again:
  Debian 12+, Ubuntu 24.04+   sudo apt-get install python3 python3-venv python3-dev build-essential
  Fedora                      sudo dnf install python3.11 python3.11-devel gcc
  macOS (Homebrew)            brew install python@3.11
If it is installed under another name: make PYTHON=/path/to/python3.11 ...
END
exit 1
