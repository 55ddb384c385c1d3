"""Run commands of `server.py`, each in a process forked from this one.

A line of standard input is JSON, `[arguments, environment, standard input]`; the answer is a line
`[exit code, stdout, stderr]`. A fork has all modules loaded, which takes a new process seconds, and the tests run
dozens of commands.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Sequence

import server
import store.queue.permits
import store.sql.preflight  # noqa: F401
from analyzers.registry import load_analyzers


def run(arguments: Sequence[str], environment: dict[str, str], stdin: str) -> tuple[int, str, str]:
    """Run one command with this environment added and this standard input; return its exit code, output and errors."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        given.write(stdin.encode())
        given.seek(0)
        pid = os.fork()
        if not pid:
            os.environ.update(environment)
            for number, file in ((0, given), (1, out), (2, error)):
                os.dup2(file.fileno(), number)
            sys.argv = ["server.py", *arguments]
            server.main()
            sys.exit()  # flushes the output; the fork must not enter the loop below
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
