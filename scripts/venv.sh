# Make .venv with a Python that is new enough, and enter it. To be sourced from the top folder.
if [ ! -x .venv/bin/python ]; then
    for python in python3.13 python3.12 python3.11 python3; do
        command -v "$python" >/dev/null || continue
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
    done
    "$python" -m venv .venv || { echo "Python 3.11 or newer with its venv module is needed" >&2; exit 1; }
fi
source .venv/bin/activate
pip install --quiet --upgrade pip
