"""Runs commands of `server.py`, each in a process of its own, forked from this one, which has loaded all it takes.

Each line of its input is JSON, `[arguments, environment]`, and is answered by `[exit code, stdout, stderr]`. A process
that begins from nothing takes seconds to load what a command needs; the tests call dozens of them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence

import commands.operations  # noqa: F401  # loaded before the forks, as are the others
import server
import store.queue.permits
import store.sql.preflight  # noqa: F401
from analyzers.registry import load_analyzers


def run(arguments: Sequence[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """One command, as if it had been started with this environment."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        pid = os.fork()
        if not pid:
            os.environ.update(environment)
            for number, file in ((1, out), (2, error)):
                os.dup2(file.fileno(), number)
            sys.argv = ["server.py", *arguments]
            server.main()
            sys.exit()  # what it wrote is flushed, and the loop below is not its own
        _, status = os.waitpid(pid, 0)
        written = []
        for file in (out, error):
            file.seek(0)
            written.append(file.read().decode())
        return os.waitstatus_to_exitcode(status), written[0], written[1]


if __name__ == "__main__":
    load_analyzers()
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line))), flush=True)
