"""A closed instance without a server: operations of callers with credentials, over a real database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from access.gate import Gate
from access.limits import Limits
from access.passwords import Passwords
from access.rules import DEFAULT_RULES
from access.secrets import keys_of
from access.sign_in import SignIn
from access.sign_in_throttle import begin_sign_in
from access.tokens import AccessTokens
from analyzers.registry import load_registry
from execution.executor import Executor, OperationRequest
from resolvers.context import Context, Services
from schema.access import refuse, rule_of
from schema.build import build_schema
from store.access.memberships import set_role
from store.access.sessions import Client
from store.access.users import NewUser, create_user, set_password
from store.sql.clock import utcnow
from store.sql.viewer import ANONYMOUS, LOCAL_ADMINISTRATOR, Role, Viewer
from store.tables import UserRow

SCHEMA = build_schema(load_registry(built_in=True).analyzers)
SECRET = "a secret of the tests with more than 32 bytes"
PASSWORD = "Canary-Password-1"
ERRORS = "userErrors { code message path }"
SIGN_IN = f"""mutation($input: SignInInput!) {{ signIn(input: $input) {{
  tokens {{ accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt }}
  viewer {{ name role user {{ id name email }} workspace {{ slug }} sessions {{ isCurrent address userAgent }} }}
  {ERRORS} }} }}"""
REFRESH = f"""mutation($input: RefreshTokenInput!) {{ refreshToken(input: $input) {{
  tokens {{ accessToken refreshToken }} {ERRORS} }} }}"""
CLIENT = Client("192.0.2.7", "tests")


class Accounts:
    """Callers of a closed instance. `passwords` must be closed."""

    def __init__(self, services: Services, secrets: str = SECRET) -> None:
        keys = keys_of(secrets)
        self.passwords = Passwords(memory=64, passes=1, lanes=1)
        self.sign_in = SignIn(services.database, keys, self.passwords, partial(begin_sign_in, Limits(), DEFAULT_RULES))
        self.services = replace(services, sign_in=self.sign_in)
        self.database = services.database
        self._gate = Gate(services.database, AccessTokens(keys))
        self._executor = Executor(
            SCHEMA, settings=services.settings, telemetry=services.telemetry, rule_of=rule_of, refuse=refuse
        )

    async def user(self, name: str, role: Role | None = None, workspace: str = "default", **values: Any) -> UserRow:
        """Create a user with the password PASSWORD, and with a role in the workspace with this key."""
        encoded = await self.passwords.encode(PASSWORD)
        async with self.database.write() as connection:
            user = await create_user(connection, NewUser(name=name, **values), utcnow())
            await set_password(connection, user.id, encoded, utcnow())
            if role is not None:
                await set_role(connection, workspace, user.id, role, utcnow())
        return user

    async def viewer(self, credential: str | None, workspace: str | None = None) -> Viewer:
        """Return the viewer of an access token or an API key."""
        return await self._gate.viewer(f"Bearer {credential}" if credential else None, workspace)

    async def body(
        self, document: str, credential: str | None = None, workspace: str | None = None, **variables: Any
    ) -> dict[str, Any]:
        """Return the answer to an operation of the caller with this credential."""
        viewer = await self.viewer(credential, workspace) if credential else ANONYMOUS
        return await self.body_of(viewer, document, **variables)

    async def body_of(self, viewer: Viewer, document: str, **variables: Any) -> dict[str, Any]:
        """Return the answer to an operation of a viewer."""
        context = Context(self.services, viewer, "request-1", CLIENT)
        request = OperationRequest(query=document, variables=variables)
        return (await self._executor.execute(request, context)).body

    async def ask(self, document: str, credential: str | None = None, **given: Any) -> Any:
        """Return the value of the only field of an operation. Errors fail."""
        body = await self.body(document, credential, **given)
        assert "errors" not in body, body
        (value,) = body["data"].values()
        return value

    async def signed_in(self, name: str, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in, and return the tokens."""
        payload = await self.ask(SIGN_IN, input={"name": name, "password": password})
        assert payload["userErrors"] == []
        tokens: dict[str, Any] = payload["tokens"]
        return tokens

    async def token(self, name: str) -> str:
        """Sign in, and return the access token."""
        return str((await self.signed_in(name))["accessToken"])

    async def log(self) -> list[dict[str, Any]]:
        """Return the audit log, oldest entry first."""
        document = """{ auditLog(last: 1000) { nodes {
          action outcome actorKind actorId actorName subjectId address requestId details workspace { slug } } } }"""
        body = await self.body_of(LOCAL_ADMINISTRATOR, document)
        entries: Sequence[dict[str, Any]] = body["data"]["auditLog"]["nodes"]
        return list(reversed(entries))

    async def actions(self) -> list[str]:
        """Return the actions of the audit log, oldest first."""
        return [entry["action"] for entry in await self.log()]


def problem(payload: dict[str, Any]) -> tuple[str, list[str] | None]:
    """Return the code and the path of the only user error of a payload without a result."""
    (error,) = payload["userErrors"]
    assert all(not value for name, value in payload.items() if name != "userErrors"), payload
    return error["code"], error["path"]
