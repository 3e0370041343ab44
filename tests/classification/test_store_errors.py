# SPDX-License-Identifier: Apache-2.0
"""sqlalchemy and sqlite3 on real databases, redis against real sockets."""

from __future__ import annotations

import sqlite3

import pytest
import redis
import sqlalchemy as sa
import sqlalchemy.exc
import sqlalchemy.orm.exc

from telemetry.classification import Classifier


@pytest.fixture
def database(tmp_path):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'memory.db'}", connect_args={"timeout": 0})
    with engine.begin() as connection:
        connection.execute(sa.text("create table facts (id integer primary key)"))
        connection.execute(sa.text("insert into facts values (1)"))
    yield engine
    engine.dispose()


def run(engine, statement):
    with engine.begin() as connection:
        connection.execute(sa.text(statement))


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("insert into facts values (1)", "invalid_input"),
        ("select * from nowhere", "memory_error"),
        ("selct", "memory_error"),
    ],
)
def test_sqlalchemy_reports_statements(statement, code, database, error_of):
    error = error_of(run, database, statement)
    assert Classifier().classify(error) == (code, "memory", False)
    assert Classifier().classify(error, "llm") == (code, "llm", False)


def test_a_locked_database_is_worth_another_attempt(database, error_of):
    with database.connect() as other:
        other.execute(sa.text("begin immediate"))
        error = error_of(run, database, "insert into facts values (2)")
        bare = sqlite3.connect(database.url.database, timeout=0)
        below = error_of(bare.execute, "insert into facts values (2)")
        bare.close()
    assert Classifier().classify(error) == ("memory_error", "memory", True)
    assert Classifier().classify(below) == ("memory_error", "memory", True)


def test_an_exhausted_pool_is_a_timeout(tmp_path, error_of):
    engine = sa.create_engine(
        f"sqlite:///{tmp_path / 'm.db'}",
        poolclass=sa.QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=0.01,
    )
    with engine.connect():
        error = error_of(engine.connect)
    engine.dispose()
    assert Classifier().classify(error) == ("timeout", "memory", True)


def test_no_row_is_not_found(database, error_of):
    with database.connect() as connection:
        error = error_of(connection.execute(sa.text("select 1 where false")).one)
    assert Classifier().classify(error) == ("not_found", "memory", False)


class DriverError(Exception):
    """Stands for a driver's exception: what psycopg and pymysql say of themselves."""

    def __init__(self, *args, sqlstate=None):
        super().__init__(*args)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("driver", "code", "recoverable"),
    [
        (DriverError(sqlstate="40001"), "memory_error", True),
        (DriverError(sqlstate="08006"), "memory_error", True),
        (DriverError(sqlstate="57P01"), "memory_error", True),
        (DriverError(sqlstate="57014"), "timeout", True),
        (DriverError(sqlstate="28P01"), "unauthorized", False),
        (DriverError(sqlstate="42501"), "unauthorized", False),
        (DriverError(sqlstate="42601"), "memory_error", False),
        (DriverError(1213, "Deadlock"), "memory_error", True),
        (DriverError(1045, "Access denied"), "unauthorized", False),
        (DriverError("could not connect"), "memory_error", True),
    ],
)
def test_a_driver_says_more(driver, code, recoverable):
    error = sa.exc.OperationalError("select 1", {}, driver)
    assert Classifier().classify(error) == (code, "memory", recoverable)


def test_a_lost_connection_is_transient_whatever_reported_it():
    for kind in (sa.exc.OperationalError, sa.exc.InterfaceError):
        error = kind("select 1", {}, DriverError(sqlstate="42601"), connection_invalidated=True)
        assert Classifier().classify(error) == ("memory_error", "memory", True)
    assert not Classifier().classify(sa.exc.InterfaceError("select 1", {}, DriverError("x"))).recoverable


def test_redis_cannot_connect(closed_port, silent_port, error_of):
    refused = error_of(redis.Redis(port=closed_port, retry=None).ping)
    slow = error_of(redis.Redis(port=silent_port, socket_timeout=0.05, retry=None).ping)
    assert Classifier().classify(refused) == ("memory_error", "memory", True)
    assert Classifier().classify(slow) == ("timeout", "memory", True)
    assert Classifier().classify(refused, "tool") == ("memory_error", "tool", True)


@pytest.mark.parametrize(
    ("error", "code", "recoverable"),
    [
        (redis.AuthenticationError("x"), "unauthorized", False),
        (redis.exceptions.NoPermissionError("x"), "unauthorized", False),
        (redis.BusyLoadingError("x"), "memory_error", True),
        (redis.ReadOnlyError("x"), "memory_error", True),
        (redis.ResponseError("WRONGTYPE"), "memory_error", False),
        (redis.exceptions.LockNotOwnedError("x"), "memory_error", False),
        (redis.DataError("x"), "invalid_input", False),
        (sa.exc.DisconnectionError("x"), "memory_error", True),
        (sa.orm.exc.StaleDataError("x"), "memory_error", True),
        (sa.exc.ArgumentError("x"), "memory_error", False),
        (sqlite3.ProgrammingError("x"), "memory_error", False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_type_decides(error, code, recoverable):
    assert Classifier().classify(error) == (code, "memory", recoverable)
