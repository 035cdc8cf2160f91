#!/bin/sh
# Run the given arguments with the first Python that Gatepost works with: 3.11 up to, but not including, 3.14.
# Each candidate is really started, because a name on the PATH may be a shim without a Python behind it.
# PYTHON=… names one to be tried first. Then comes the system's own, if it can make virtual environments: it gets the
# system's security fixes, and distributions build theirs for speed (with profiles), which those built at home seldom are.
set -u
works='import sys, ssl, sqlite3; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 14) else 1)'
try() {
    found=$1 check=$2
    shift 2
    if [ -n "$found" ] && "$found" -c "$check" >/dev/null 2>&1; then
        exec "$found" "$@"
    fi
}
try "${PYTHON:-}" "$works" "$@"
try /usr/bin/python3 "import venv, ensurepip; $works" "$@"
for candidate in python3.13 python3.12 python3.11 python3 /usr/bin/python3 /usr/local/bin/python3; do
    try "$candidate" "$works" "$@"
done
{
    echo "Gatepost needs Python 3.11, 3.12 or 3.13, and none was found."
    for candidate in "${PYTHON:-}" python3 /usr/bin/python3; do
        if version=$("$candidate" -c 'import platform; print(platform.python_version())' 2>/dev/null); then
            echo "$candidate is Python $version."
            break
        fi
    done
    echo "Debian 12 and 13, Ubuntu 24.04:  apt-get install python3 python3-venv"
    echo "Elsewhere, one beside the system's, named so:  make run PYTHON=/path/to/python3.13"
} >&2
exit 1
