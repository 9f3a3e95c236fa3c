"""Make `.venv` exactly as uv.lock says; needs nothing but the Python that runs it.

With the names of make's targets that start the platform it also begins to install what that needs
beyond Python: Go and Maven can work while the packages come.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
ENVIRONMENT = ROOT / ".venv"
UV_VERSION = "0.13.8"


def main() -> int:
    """The exit code: 0 when the environment is complete, which its file `.complete` tells make."""
    started = time.monotonic()
    if sys.argv[1:]:
        _begin_the_rest()
    try:
        _sync(uv())
    except subprocess.CalledProcessError as failure:
        command = " ".join(map(str, failure.cmd))
        print(f"\n`{command}` failed, see above. `make doctor` names what is missing.")
        return 1
    (ENVIRONMENT / ".complete").touch()
    print(f"installed   {ENVIRONMENT} ({time.monotonic() - started:.0f} s)", flush=True)
    return 0


def _begin_the_rest() -> None:
    """Nothing; what has begun goes on, and `make up` waits for it, or does it if it fails."""
    _cache().mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "infra.native.install"]
    with (_cache() / "first.log").open("w") as log:
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def uv() -> str:
    """The uv on PATH, or else the pinned one in the cache."""
    return shutil.which("uv") or str(_own_uv())


def _own_uv() -> Path:
    """The pinned uv in the cache, put there at the first time."""
    cache = _cache()
    place = cache / f"uv-{UV_VERSION}"
    if not place.exists():
        print(f"installing  uv {UV_VERSION}, which installs the rest ...", flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".installing-") as draft:
            _run([sys.executable, "-m", "venv", draft])
            _run([f"{draft}/bin/pip", "install", "--quiet", f"uv=={UV_VERSION}"])
            binary = Path(draft) / "complete"
            binary.mkdir()
            shutil.copy2(f"{draft}/bin/uv", binary)
            binary.rename(place)
    return place / "uv"


def _cache() -> Path:
    return Path(os.environ.get("LAKEPROOF_CACHE") or "~/.cache/lakeproof").expanduser().absolute()


def _sync(program: str) -> None:
    print("installing  the Python packages of uv.lock (0.8 GB at the first time) ...", flush=True)
    _run([program, "sync", "--frozen", "--python", sys.executable])


def _run(command: "list[str]") -> None:
    settings = {"UV_PROJECT_ENVIRONMENT": str(ENVIRONMENT), "UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **settings})


if __name__ == "__main__":
    sys.exit(main())
