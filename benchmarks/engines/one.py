"""Run one engine with a running worker: `python -m benchmarks.engines.one APP ITEMS` prints the run as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib import import_module

from benchmarks.engines.work import timed

if __name__ == "__main__":
    app = import_module(f"benchmarks.engines.{sys.argv[1]}")
    json.dump(asdict(timed(int(sys.argv[2]), app.enqueue, app.ended)), sys.stdout)
