"""Persisted documents: a request has a hash or an id in place of the text.

- Automatic persisted queries, by Apollo's protocol: `extensions.persistedQuery` has the SHA-256 of the document. After
  PERSISTED_QUERY_NOT_FOUND the client sends the text with the hash, which registers the document on this server.
  https://www.apollographql.com/docs/apollo-server/performance/apq
- Trusted documents: manifests (`execution.manifests`) that the server reads at its start. `documentId` is `sha256:` and
  the hash, or the id in the manifest; `persistedQuery.sha256Hash` may have both forms too.
  https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md

Registrations are valid documents, limited in bytes: the least recently used one leaves first, and costs its client one
further request. With `only`, nothing but trusted documents runs: by id, by hash, or by exactly their text.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import replace
from sys import getsizeof
from typing import TYPE_CHECKING, Any

from execution.answers import Answer, AnswerKind
from execution.documents import Document, Documents
from execution.errors import MAX_QUOTED, ErrorCode, error_body
from execution.manifests import PREFIX, invalid_entry, read_manifest, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from execution.requests import OperationRequest
    from telemetry import Telemetry

MAX_BYTES = 4 << 20
"""Memory of all registered documents: some thousand operations of a usual size."""

ENTRY_BYTES = 256
"""Memory of a registration besides its text: the hash and its place in the dictionary."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


class PersistedDocuments:
    """The persisted documents of one schema."""

    def __init__(
        self, documents: Documents, telemetry: Telemetry, *, only: bool = False, max_bytes: int = MAX_BYTES
    ) -> None:
        self._documents = documents
        self._outcomes = telemetry.persisted
        self._only = only
        self._max_bytes = max_bytes
        self._trusted: dict[str, str] = {}
        self._texts: set[str] = set()
        self._registered: OrderedDict[str, str] = OrderedDict()
        self.bytes = 0

    def read(self, manifests: Iterable[Path]) -> None:
        """Trust the documents of these files.

        Raises:
            InvalidManifest: A file is no manifest, a document does not fit the schema or exceeds a limit, or an id has
                two documents.
        """
        for path in manifests:
            entries = read_manifest(path)
            for key, text in entries.items():
                outcome = self._documents.get(text)
                if isinstance(outcome, Answer):
                    message = " ".join(outcome.body["errors"][0]["message"].split())
                    raise invalid_entry(path, key, f"The document is invalid: {message}")
                if self._trusted.get(key, text) != text:
                    raise invalid_entry(path, key, "The id has another document in an earlier manifest.")
            self.trust(entries)

    def trust(self, entries: Mapping[str, str]) -> None:
        """Trust documents by the hashes of their texts, by their ids if these are no other hash, and by the texts."""
        self._trusted |= entries
        for text in entries.values():
            digest = sha256_of(text)
            self._trusted |= {digest: text, PREFIX + digest: text}
            self._texts.add(text)

    def resolve(self, request: OperationRequest) -> OperationRequest | Answer:
        """Return the request with the text of its document, or the answer that refuses the request."""
        extension = request.extensions.get("persistedQuery") if request.extensions else None
        if extension is not None:
            return self._by_hash(request, extension)
        if request.document_id:
            return self._by_id(request, request.document_id)
        if self._only and request.query and request.query not in self._texts:
            return _untrusted()
        return request

    def _by_id(self, request: OperationRequest, key: str) -> OperationRequest | Answer:
        if request.query:
            return _malformed("`documentId` takes the place of `query`: send one of the two.")
        text = self._find(key, key.removeprefix(PREFIX))
        if text is not None:
            return replace(request, query=text)
        if self._only:
            return _untrusted()
        message = f"The server has no document with the id {key[:MAX_QUOTED]!r}."
        return Answer(error_body(ErrorCode.PERSISTED_QUERY_NOT_FOUND, message), AnswerKind.UNKNOWN_DOCUMENT)

    def _by_hash(self, request: OperationRequest, extension: Any) -> OperationRequest | Answer:
        if request.document_id:
            return _malformed("`documentId` takes the place of `extensions.persistedQuery`: send one of the two.")
        if not isinstance(extension, dict):
            return _malformed("`extensions.persistedQuery` must be an object.")
        if extension.get("version") != 1 or isinstance(extension["version"], bool):
            return _malformed("`extensions.persistedQuery.version` must be 1.")
        key = extension.get("sha256Hash")
        if not isinstance(key, str) or not (key in self._trusted or _SHA256.fullmatch(key)):
            form = "the SHA-256 of the document, 64 lowercase hexadecimal digits"
            return _malformed(f"`extensions.persistedQuery.sha256Hash` must be {form}.")
        if request.query:
            return self._with_text(request, request.query, key)
        text = self._find(key, key)
        if text is not None:
            self._outcomes["hit"] += 1
            return replace(request, query=text)
        if self._only:
            return _untrusted()
        self._outcomes["miss"] += 1
        # urql compares the message, and Apollo Client the message or the code.
        body = error_body(ErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
        return Answer(body, AnswerKind.UNREGISTERED)

    def _with_text(self, request: OperationRequest, text: str, key: str) -> OperationRequest | Answer:
        if text in self._texts:
            trusted = self._trusted.get(key) == text
            return request if trusted else _malformed(_WRONG_HASH)
        if self._only:
            return _untrusted()
        if sha256_of(text) != key:
            return _malformed(_WRONG_HASH)
        if isinstance(self._documents.get(text), Document):
            self._register(key, text)
        return request

    def _find(self, key: str, digest: str) -> str | None:
        text = self._trusted.get(key)
        if text is None and (text := self._registered.get(digest)) is not None:
            self._registered.move_to_end(digest)
        return text

    def _register(self, digest: str, text: str) -> None:
        if digest not in self._registered:
            self._outcomes["registered"] += 1
            self.bytes += ENTRY_BYTES + getsizeof(text)
        self._registered[digest] = text
        self._registered.move_to_end(digest)
        while self.bytes > self._max_bytes:
            _, oldest = self._registered.popitem(last=False)
            self.bytes -= ENTRY_BYTES + getsizeof(oldest)


_WRONG_HASH = "`extensions.persistedQuery.sha256Hash` is not the SHA-256 of `query`."


def _malformed(message: str) -> Answer:
    return Answer(error_body(ErrorCode.BAD_REQUEST, message), AnswerKind.BAD_REQUEST)


def _untrusted() -> Answer:
    message = "The server runs trusted documents only: the document is in none of its manifests."
    return Answer(error_body(ErrorCode.QUERY_NOT_IN_SAFELIST, message), AnswerKind.UNKNOWN_DOCUMENT)
