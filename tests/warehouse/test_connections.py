"""Connections that hand over Arrow tables."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from warehouse.connections import connect, connect_arrow
from warehouse.errors import WarehouseError


def test_a_connection_that_ends_leaves_others_of_the_same_database_open(warehouse: str) -> None:
    with closing(connect_arrow(warehouse)) as other:
        connect_arrow(warehouse).close()
        with other.cursor() as cursor:
            cursor.execute("select 1::bigint as one")
            assert cursor.fetch_arrow_table().to_pylist() == [{"one": 1}]


def test_what_is_not_committed_does_not_stay(warehouse: str) -> None:
    for commits in (False, True):
        with closing(connect_arrow(warehouse)) as writer, writer.cursor() as cursor:
            cursor.execute("create table kept (number bigint)")
            if commits:
                writer.commit()
        with closing(connect_arrow(warehouse)) as reader, reader.cursor() as cursor:
            cursor.execute("select to_regclass('kept') is not null")
            assert cursor.fetchone() == (commits,)


@pytest.mark.parametrize("opens", [connect, connect_arrow])
def test_a_server_that_is_not_there_is_named_without_its_secret(
    opens: Callable[[str], Any],
) -> None:
    with pytest.raises(WarehouseError, match=r"127\.0\.0\.1:1/none cannot be used") as raised:
        opens("postgresql://somebody:a-secret@127.0.0.1:1/none")
    assert "a-secret" not in str(raised.value)
