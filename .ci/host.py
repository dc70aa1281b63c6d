"""Put another GitHub repository's address in place of this one's, in all files under version control.

    python .ci/host.py OWNER/NAME

The present address is `Source` in pyproject.toml: the website, its links and the tests read it there. It also stands
where nothing can look it up: in the notebooks' Colab buttons and first cells, the homeworks' requirements, LICENSE.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "pyproject.toml"  # written last: after an interruption, the same command finishes the work
GITHUB = "https://github.com/"
# As GitHub admits them.
NAME = re.compile(r"(?!-)(?!.*--)[A-Za-z0-9-]{1,39}(?<!-)/(?!\.\.?$)[A-Za-z0-9._-]{1,100}(?<!\.git)")


def rewrite(old: str, new: str) -> list[Path]:
    """Write `new` for `old`, both OWNER/NAME, after `github.com/` and Colab's `github/`; return the changed files."""
    address = re.compile(rf"(github(?:\.com)?/){re.escape(old)}(?![\w-]|\.(?!git\b)\w)".encode())
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    files = {ROOT / name for name in listed.decode().split("\0") if name}
    changed = []
    for file in sorted(files, key=lambda file: (file == SOURCE, file)):
        if file.is_symlink() or not file.is_file():
            continue
        content = file.read_bytes()  # as bytes: line ends stay, and sounds and weights do not hold the address
        renewed = address.sub(rb"\g<1>" + new.encode(), content)
        if renewed != content:
            file.write_bytes(renewed)
            changed.append(file)
    return changed


def main() -> None:
    new = " ".join(sys.argv[1:])
    if not NAME.fullmatch(new):
        sys.exit(f"REPO is OWNER/NAME of a repository on GitHub, such as make host REPO=octocat/sounds, not {new!r}")
    source = tomllib.loads(SOURCE.read_text(encoding="utf-8"))["project"]["urls"]["Source"]
    changed = rewrite(source.removeprefix(GITHUB), new)
    print(f"{source} -> {GITHUB}{new} in {len(changed)} files:", *(f.relative_to(ROOT) for f in changed), sep="\n  ")


if __name__ == "__main__":
    main()
