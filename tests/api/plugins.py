"""Packages of analyzers, built into wheels and installed into separate folders, as by users."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

from tests.support import run

UV = Path(sys.executable).with_name("uv")

PROJECT = """
[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.11"

[project.entry-points."assay.analyzers"]
{entries}

[build-system]
requires = ["uv_build"]
build-backend = "uv_build"
"""


def install(folder: Path, name: str, source: str, *analyzers: str) -> Path:
    """Build and install a package with this source.

    Each analyzer is an entry point: the variable with its name in upper case. Returns the folder to put on PYTHONPATH.
    """
    module = name.replace("-", "_")
    entries = "\n".join(f'{analyzer} = "{module}:{analyzer.upper()}"' for analyzer in analyzers)
    package = folder / name / "src" / module
    package.mkdir(parents=True)
    (folder / name / "pyproject.toml").write_text(PROJECT.format(name=name, entries=entries))
    (package / "__init__.py").write_text(dedent(source))
    wheels, target = folder / "wheels", folder / "installed"
    run(UV, "build", "--wheel", "--offline", "--no-config", "--out-dir", wheels, cwd=folder / name)
    wheel = wheels / f"{module}-1.0-py3-none-any.whl"
    run(
        UV,
        "pip",
        "install",
        "--offline",
        "--no-config",
        "--no-deps",
        "--python",
        sys.executable,
        "--target",
        target,
        wheel,
    )
    return target
