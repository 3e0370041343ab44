# SPDX-License-Identifier: Apache-2.0
"""What an agent remembers with: sqlalchemy (and the drivers below it), sqlite3, redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from telemetry.classification.reading import read, text
from telemetry.classification.verdict import Rule, Verdict
from telemetry.conventions import COMPONENT_MEMORY
from telemetry.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RULES"]

_FAILED: Final = Verdict(ErrorCode.MEMORY_ERROR, COMPONENT_MEMORY, False)
_TRANSIENT: Final = Verdict(ErrorCode.MEMORY_ERROR, COMPONENT_MEMORY, True)
_INVALID: Final = Verdict(ErrorCode.INVALID_INPUT, COMPONENT_MEMORY, False)
_NOT_FOUND: Final = Verdict(ErrorCode.NOT_FOUND, COMPONENT_MEMORY, False)
_TIMEOUT: Final = Verdict(ErrorCode.TIMEOUT, COMPONENT_MEMORY, True)
_UNAUTHORIZED: Final = Verdict(ErrorCode.UNAUTHORIZED, COMPONENT_MEMORY, False)

# https://www.postgresql.org/docs/current/errcodes-appendix.html; the class is the first two.
_SQLSTATES: Final[Mapping[str, Verdict]] = {
    "08": _TRANSIENT,  # connection exception
    "22": _INVALID,  # data exception
    "23": _INVALID,  # integrity constraint violation
    "28": _UNAUTHORIZED,  # invalid authorization specification
    "3D": _NOT_FOUND,  # invalid catalog name: no such database
    "40": _TRANSIENT,  # transaction rollback: serialization failure, deadlock
    "42501": _UNAUTHORIZED,  # insufficient privilege
    "42P01": _NOT_FOUND,  # undefined table
    "53": _TRANSIENT,  # insufficient resources: too many connections
    "55P03": _TRANSIENT,  # lock not available
    "57014": _TIMEOUT,  # query cancelled, by statement_timeout
    "57P": _TRANSIENT,  # the server shuts down or starts
}
# https://dev.mysql.com/doc/mysql-errors/en/: pymysql and mysqlclient give the number alone.
_MYSQL: Final[Mapping[int, Verdict]] = {
    1044: _UNAUTHORIZED,
    1045: _UNAUTHORIZED,
    1049: _NOT_FOUND,
    1205: _TRANSIENT,  # lock wait timeout
    1213: _TRANSIENT,  # deadlock
    3024: _TIMEOUT,  # maximum statement execution time
}


def _of_driver(orig: Any) -> Verdict | None:
    """What a database driver's exception says by its own number."""
    name = text(read(orig, "sqlite_errorname"))
    if name is not None:
        # The rest of sqlite's operational errors are of the kind "no such table".
        return _TRANSIENT if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else _FAILED
    state = text(read(orig, "sqlstate")) or text(read(orig, "pgcode"))
    if state is not None:
        found = (_SQLSTATES.get(state[:length]) for length in (5, 3, 2))
        return next((verdict for verdict in found if verdict is not None), _FAILED)
    arguments = read(orig, "args")
    number = arguments[0] if type(arguments) is tuple and arguments else None
    return _MYSQL.get(number) if type(number) is int else None


def _of_operational(err: Any) -> Verdict | None:
    if read(err, "connection_invalidated") is True:
        return _TRANSIENT
    # Drivers that could not even connect have no number to give.
    return _of_driver(read(err, "orig")) or _TRANSIENT


def _of_database(err: Any) -> Verdict | None:
    if read(err, "connection_invalidated") is True:
        return _TRANSIENT
    return _of_driver(read(err, "orig")) or _FAILED


def _of_sqlite(err: Any) -> Verdict | None:
    return _of_driver(err) or _FAILED


RULES: Final[Mapping[str, Mapping[str, Rule]]] = {
    "sqlalchemy": {
        "SQLAlchemyError": _FAILED,
        "StatementError": _INVALID,
        "DBAPIError": _of_database,
        "OperationalError": _of_operational,
        "DataError": _INVALID,
        "IntegrityError": _INVALID,
        "TimeoutError": _TIMEOUT,
        "DisconnectionError": _TRANSIENT,
        "StaleDataError": _TRANSIENT,
        "NoResultFound": _NOT_FOUND,
        "NoSuchTableError": _NOT_FOUND,
        "NoSuchColumnError": _FAILED,
    },
    "sqlite3": {
        "Error": _of_sqlite,
        "DataError": _INVALID,
        "IntegrityError": _INVALID,
    },
    "redis": {
        "RedisError": _FAILED,
        "RedisClusterException": _FAILED,
        "ConnectionError": _TRANSIENT,
        "TimeoutError": _TIMEOUT,
        "AuthenticationError": _UNAUTHORIZED,
        "AuthenticationWrongNumberOfArgsError": _UNAUTHORIZED,
        "AuthorizationError": _UNAUTHORIZED,
        "ExternalAuthProviderError": _UNAUTHORIZED,
        "NoPermissionError": _UNAUTHORIZED,
        "AskError": _TRANSIENT,
        "ClusterDownError": _TRANSIENT,
        "ReadOnlyError": _TRANSIENT,  # the primary has just become a replica
        "TryAgainError": _TRANSIENT,
        "WatchError": _TRANSIENT,
        "LockError": _FAILED,
        "DataError": _INVALID,
    },
}
