"""JSON-RPC: `POST /jsonrpc` (before Odoo 22, External RPC API). Its errors come inside of HTTP 200."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mpstock.errors import AdapterError, RejectedError, TransientError, UnexpectedResponseError
from mpstock_odoo import answers
from mpstock_odoo.answers import Said
from mpstock_odoo.protocol import NoSuchRouteError

if TYPE_CHECKING:
    from mpstock_odoo.connection import Connection

__all__ = ["JsonRpc"]


class JsonRpc:
    """Calls through `object.execute_kw`, after `common.authenticate` has told the user's id."""

    label = "JSON-RPC"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._database = connection.settings.database
        self._uid: int | None = None
        self._number = 0

    async def start(self) -> None:
        """Log in. No session is opened: each call carries the key."""
        if not self._database:
            self._database = await self._only_database()
        settings, connection = self._connection.settings, self._connection
        uid = await self._ask(
            "common", "authenticate", [self._database, settings.user, settings.api_key.reveal(), {}]
        )
        if type(uid) is not int:
            # Odoo answers false, and nothing else: the login, the key and the database may all be wrong.
            raise connection.refused(
                f"refused the login {settings.user!r} of the database {self._database!r}", rights=False
            )
        self._uid = uid

    async def call(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        *,
        ids: Sequence[int] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a method; see `mpstock_odoo.protocol.Caller`."""
        if self._uid is None:
            await self.start()
        keywords = dict(named)
        if context:
            keywords["context"] = dict(context)
        key = self._connection.settings.api_key.reveal()
        positional = [] if ids is None else [list(ids)]
        return await self._ask(
            "object",
            "execute_kw",
            [self._database, self._uid, key, model, method, positional, keywords],
            f"{model}.{method}",
        )

    async def _ask(self, service: str, method: str, args: list[Any], place: str = "") -> Any:
        self._number += 1
        answer = await self._connection.post(
            "/jsonrpc",
            {
                "jsonrpc": "2.0",
                "method": "call",
                "id": self._number,
                "params": {"service": service, "method": method, "args": args},
            },
        )
        place, name = place or f"{service}.{method}", self._connection.name
        if answer.status_code != 200:
            page = self._connection.hidden(answers.words_of_page(answer.content))
            raise self._no_route(f"answered {answer.status_code} to /jsonrpc: {page!r}")
        try:
            result, said = answers.envelope(answers.json_of(answer.content))
        except ValueError as error:
            raise UnexpectedResponseError(f"{place} answered {error}", adapter=name) from None
        if said is not None:
            raise self._error(said, place)
        return result

    def _error(self, said: Said, place: str) -> AdapterError:
        connection = self._connection
        words = connection.hidden(said.message or said.name or "no words")
        text = f"{place} was refused: {words}"
        if said.is_about_rights or said.is_about_credentials:
            return connection.refused(text, rights=said.is_about_rights)
        if said.is_about_the_route:
            return self._no_route(f"{place} is not served: {words}")
        if said.name.startswith("psycopg2.") and f'"{self._database}"' in said.message:
            # In PostgreSQL's own language, whichever that is; the name stands in it.
            return RejectedError(
                f"{text}. Is the database called so? Set database to the name that Odoo's own login page "
                "or its database manager shows",
                adapter=connection.name,
                code=said.name,
            )
        if said.may_pass:
            return TransientError(text, adapter=connection.name)
        return RejectedError(text, adapter=connection.name, code=said.name)

    def _no_route(self, text: str) -> NoSuchRouteError:
        return NoSuchRouteError(
            f'{text}. JSON-RPC ends with Odoo 22 and may be off before: set protocol = "json2" or "auto", '
            "and look whether base_url is right",
            adapter=self._connection.name,
        )

    async def _only_database(self) -> str:
        name = self._connection.name
        try:
            found = await self._ask("db", "list", [])
        except NoSuchRouteError:
            raise
        except AdapterError as error:
            raise RejectedError(
                f"JSON-RPC has to be told the database, and the server does not list its own; set database. "
                f"It said: {error}",
                adapter=name,
            ) from None
        if isinstance(found, list) and len(found) == 1 and isinstance(found[0], str):
            return found[0]
        there = ", ".join(map(str, found)) if isinstance(found, list) else str(found)
        raise RejectedError(
            f"the server has more than one database or none ({there[:200]}); set database to one of them",
            adapter=name,
        )
