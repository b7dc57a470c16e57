"""Connections that hand over Arrow tables."""

from contextlib import closing

from warehouse.connections import connect_arrow


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
