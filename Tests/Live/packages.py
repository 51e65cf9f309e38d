"""Python packages that a suite needs, in a folder of the build."""

import fcntl
import os
import subprocess
import sys
from live import ROOT, clean_up

VENV = ROOT / ".build/venv-manifests"


def run_with(suite, *packages):
    """Goes on with a Python that has `packages`; installs them once where they are missing."""
    if os.environ.get("IN_VENV") == str(VENV):
        return
    python = VENV / "bin/python"
    VENV.parent.mkdir(exist_ok=True)
    # Suites that run beside each other install one after the other.
    with open(VENV.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = VENV / "packages"
        have = set(mark.read_text().splitlines()) if mark.exists() else set()
        if not set(packages) <= have:
            print(f"  {suite}: installing {' '.join(packages)} into {VENV.relative_to(ROOT)}", flush=True)
            if not python.exists():
                subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
            subprocess.run([VENV / "bin/pip", "--quiet", "--disable-pip-version-check", "install", *packages], check=True)
            mark.write_text("\n".join(sorted(have | set(packages))) + "\n")
    clean_up()
    os.execve(python, [python, *sys.argv], {**os.environ, "IN_VENV": str(VENV)})
