from datetime import date

import psycopg
from rich.console import Console

from warehouse import ledger, status

DAY = date(2026, 6, 30)


def shown(connection: psycopg.Connection) -> str:
    console = Console(width=200)
    with console.capture() as captured:
        status.show(connection, DAY, out=console)
    return captured.get()


def test_the_status_says_in_one_line_how_alive_the_fields_are(warehouse: str) -> None:
    with psycopg.connect(warehouse) as connection:
        ledger.begin_run(connection, "test", DAY, "customer_nightly")
        assert "Fields:" not in shown(connection)
        connection.execute(
            """
            insert into ops.field_vitality (
                as_of_date, source, table_name, field, row_count, filled_rows, placeholder_rows,
                compared_records, contradicted_records
            ) values
            ('2026-06-30', 'crm', 'name_list', 'email', 10, 4, 2, 3, 1),
            ('2026-06-30', 'crm', 'name_list', 'mobile', 10, 5, 0, 3, 0),
            ('2026-06-29', 'crm', 'name_list', 'grade', 10, 1, 1, 1, 1)
            """
        )
        assert (
            "Fields: 2, of which 1 less than half filled in, 1 with placeholders, "
            "1 contradicted by another source.\n"
        ) in shown(connection)
