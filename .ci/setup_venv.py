"""Make, check or repair .venv, so that every `make` command starts from the packages of constraints.txt.

.ci/venv.sh starts it with a Python >= 3.11; it needs only the standard library. A stamp inside .venv says what
was installed. It is written last, so an interrupted installation leaves none and is done afresh. To find
.venv healthy takes about two seconds and no network.
"""

import csv
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
INPUTS = ("pyproject.toml", "constraints.txt")
EXTRAS = "notebooks,metrics,cdpam,tensorboard,coursework,site,browser,dev"
IMPORTED = ("torch", "torchaudio")  # a version number cannot tell that a compiled package loads


def is_intact(distribution: metadata.Distribution, row: list[str]) -> bool:
    """Tell whether the file of one RECORD row (path, hash, size) is there in its size."""
    file, _, size = row
    if file.endswith(".pyc"):  # Python rewrites these as it likes
        return True
    try:
        found = os.stat(distribution.locate_file(file)).st_size
    except OSError:
        return False
    return not size or found == int(size)  # RECORD's own row states no size


def probe() -> dict:
    """Describe the environment that runs this function: where it is, its packages, the files they miss."""
    packages, damaged = {}, set()
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        packages[name] = distribution.version
        record = distribution.read_text("RECORD")  # pip writes it last
        if record is None or not all(is_intact(distribution, row) for row in csv.reader(record.splitlines())):
            damaged.add(name)
    for name in IMPORTED:
        if name in packages:
            importlib.import_module(name)
    return {
        "prefix": sys.prefix,
        "python": list(sys.version_info[:2]),
        "packages": packages,
        "damaged": sorted(damaged),
    }


def observe() -> dict:
    """Run `probe` with the Python of .venv and add the digests of the files that say what to install."""
    answer = subprocess.run([PYTHON, "-I", __file__, "--probe"], check=True, text=True, capture_output=True)
    inputs = {name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest() for name in INPUTS}
    return json.loads(answer.stdout) | {"inputs": inputs, "extras": EXTRAS}


def examine() -> tuple[str, list[str]]:
    """Return what .venv needs ("nothing", "update" or "rebuild", with the reason) and the damaged packages."""
    try:
        stamp, now = json.loads(STAMP.read_text()), observe()
        wanted = stamp["packages"]
        if (stamp["prefix"], stamp["python"]) != (now["prefix"], now["python"]):
            return "rebuild: it was moved, or its Python was replaced", []
        # Two packages may own one file; the stamp knows such pairs, and only a change is a fault.
        damaged = [f"{p}=={wanted[p]}" for p in now["damaged"] if p in wanted and p not in stamp["damaged"]]
        if damaged:
            return f"update: files are missing or changed in {', '.join(damaged)}", damaged
        if (stamp["inputs"], stamp["extras"]) != (now["inputs"], now["extras"]):
            return f"update: {' or '.join(INPUTS)} changed", []
        changed = sorted(p for p, version in wanted.items() if now["packages"].get(p) != version)
        if changed:  # packages that the user added are left alone
            return f"update: {', '.join(changed)} changed", []
        return "nothing", []
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no message"])[-1]
        return f"rebuild: its check failed ({reason})", []
    except (OSError, ValueError, LookupError, TypeError):
        return "rebuild: there is none, or it was left half made", []


def missing_tools() -> dict[str, str]:
    """Return {Debian package: what it is for} of the system's tools that an installation needs and lacks."""
    missing = {}
    if not (importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")):
        missing["python3-venv"] = "Python's venv and ensurepip modules"
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        missing["build-essential"] = "a C compiler; the package pesq is built from source"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        missing["python3-dev"] = "Python's C headers; the package pesq is built from source"
    return missing


def install(lock: int, *, fresh: bool, damaged: list[str] = ()) -> None:
    """Install everything, into an emptied .venv when `fresh`, and stamp it."""

    def run(*command: str | Path) -> None:
        # pip inherits the lock: if this process is killed and pip lives on, nobody works beside it.
        subprocess.run(command, cwd=ROOT, check=True, stdin=subprocess.DEVNULL, pass_fds=[lock])

    STAMP.unlink(missing_ok=True)
    if fresh:
        # The base Python: .venv may itself be active, and it is about to be emptied.
        run(sys._base_executable, "-I", "-m", "venv", "--clear", VENV)
    pip = (PYTHON, "-I", "-m", "pip", "--disable-pip-version-check", "install", "--no-user", "-c", INPUTS[1])
    if damaged:
        run(*pip, "--force-reinstall", "--no-deps", *damaged)
    # The hatchling in .venv lets an update that brings no new package do without the network.
    run(*pip, *([] if fresh else ["--no-build-isolation"]), "-e", f".[{EXTRAS}]")
    temporary = STAMP.with_suffix(".tmp")
    temporary.write_text(json.dumps(observe(), indent=1))
    temporary.replace(STAMP)


def update(lock: int, damaged: list[str]) -> bool:
    """Update .venv in place; return whether it is healthy now, or leave when only the user can help."""
    stamp = STAMP.read_bytes()
    try:
        install(lock, fresh=False, damaged=damaged)
    except subprocess.CalledProcessError:
        if damaged:
            return False
        STAMP.write_bytes(stamp)  # pip changed nothing, so an older but sound .venv stays for the next try
        sys.exit(".venv could not be updated, see above. Is there a network? To start anew: rm -rf .venv")
    return examine()[0] == "nothing"


def set_up(lock: int) -> None:
    """Bring .venv to health: leave it, update it in place, or make it anew."""
    need, damaged = examine()
    if need == "nothing":
        return
    if missing := missing_tools():
        uses = "".join(f"  {package:<16} {use}\n" for package, use in missing.items())
        sys.exit(
            f"{sys.executable} cannot make .venv yet; it lacks\n{uses}"
            f"Debian, Ubuntu: sudo apt-get install {' '.join(missing)}\nmacOS: xcode-select --install"
        )
    print(f".venv: {need}", flush=True)
    if need.startswith("update") and update(lock, damaged):
        return
    print(".venv: installing about 6 GB of packages; this takes minutes, and needs the network", flush=True)
    install(lock, fresh=True)
    need, _ = examine()
    if need != "nothing":
        sys.exit(f".venv is new, and yet: {need}")


def main() -> None:
    if sys.argv[1:] == ["--probe"]:
        print(json.dumps(probe()))
        return
    if sys.argv[1:] == ["--missing"]:
        print(*missing_tools())
        return
    lock = os.open(ROOT, os.O_RDONLY)  # locking the folder itself leaves no file behind
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(".venv: another command is setting it up; waiting", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        pass  # some network file systems have no locks
    try:
        set_up(lock)
    except subprocess.CalledProcessError as error:
        detail = f"\n{error.stderr}" if error.stderr else ""
        sys.exit(f".venv could not be made: {' '.join(map(str, error.cmd))} failed{detail}")


if __name__ == "__main__":
    main()
