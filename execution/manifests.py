"""Reading manifests of trusted documents: JSON files with the operations of a frontend, as its build writes them.

graphql-codegen's client preset and relay-compiler write an object of texts by id. Apollo's
generate-persisted-query-manifest writes a list of operations with `id` and `body`. An id is any text, often a hash.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from execution.errors import MAX_QUOTED

APOLLO_FORMAT = "apollo-persisted-query-manifest"
PREFIX = "sha256:"
"""The prefix of an id that is the SHA-256 of its document, in lowercase hexadecimal digits."""


class InvalidManifest(Exception):
    """A manifest can't be used. The message is one line with the file, the entry and the reason."""


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a document in 64 lowercase hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_manifest(path: Path) -> dict[str, str]:
    """Return the texts of a manifest by their ids. The documents themselves are not read.

    Raises:
        InvalidManifest: The file can't be read or is no manifest, or an id is empty, repeated or the hash of another
            text.
    """
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_object)
    except OSError as error:
        raise InvalidManifest(f"{path}: The file can't be read: {error.strerror}.") from None
    except _Repeated as repeated:
        raise invalid_entry(path, str(repeated), "The member is there twice.") from None
    except (ValueError, RecursionError) as error:
        raise InvalidManifest(f"{path}: The file is not JSON: {error}.") from None
    entries = _entries(path, content)
    for key, text in entries.items():
        if not key or not isinstance(text, str) or not text.strip():
            raise invalid_entry(path, key, "An id and the text of its document must not be empty.")
        digest = sha256_of(text)
        if key.startswith(PREFIX) and key != PREFIX + digest:
            raise invalid_entry(path, key, f"The SHA-256 of the text is {digest}: write the manifest again.")
    return entries


def invalid_entry(path: Path, key: str, reason: str) -> InvalidManifest:
    """Return the refusal of one entry. `reason` is one sentence."""
    return InvalidManifest(f"{path}: {json.dumps(key[:MAX_QUOTED])}: {reason}")


def _entries(path: Path, content: object) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise InvalidManifest(f"{path}: The file must hold a JSON object of documents by id.")
    if content.get("format") != APOLLO_FORMAT:
        return content
    entries: dict[str, Any] = {}
    operations = content.get("operations")
    if content.get("version") != 1 or not isinstance(operations, list):
        raise InvalidManifest(f"{path}: `version` must be 1, and `operations` a list.")
    for place, operation in enumerate(operations):
        key = operation.get("id") if isinstance(operation, dict) else None
        if not isinstance(key, str):
            raise InvalidManifest(f"{path}: operations[{place}] must be an object with the texts `id` and `body`.")
        if key in entries:
            raise invalid_entry(path, key, "The id is there twice.")
        entries[key] = operation.get("body")
    return entries


class _Repeated(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(next(name for name in names if names.count(name) > 1))
    return found
