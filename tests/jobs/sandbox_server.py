"""A server that has two sandboxes run deeds, a file each, until a test kills it: `… load deed file…`."""

from __future__ import annotations

import asyncio
import json
import sys

from jobs.sandbox.sandbox import Sandbox, Task, Template


async def run(template: Template, deed: str, file: str) -> None:
    request = json.dumps({"text": deed, "argument": file}).encode()
    async for _ in Sandbox(template).run("deeds", [Task("task", request)]):
        pass


async def main(load: str, deed: str, *files: str) -> None:
    template = Template(load)
    await asyncio.gather(*(run(template, deed, file) for file in files))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
