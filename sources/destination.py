"""The warehouse as dlt's destination: PostgreSQL, whose types are looked up once for all files."""

from typing import Any

from dlt.destinations import postgres
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob

from warehouse.connections import connect_arrow


class _CopyJob(PostgresParquetCopyJob):  # type: ignore[misc]
    """Copies a file through a connection of ours: dlt opens its driver anew for every file."""

    def __init__(self, file_path: str, url: str) -> None:
        super().__init__(file_path)
        self._url = url

    def _connect(self) -> Any:
        return connect_arrow(self._url)


class Warehouse(postgres):  # type: ignore[misc]
    """PostgreSQL at `url`, in which no indexes are made."""

    def __init__(self, url: str) -> None:
        super().__init__(credentials=url, create_indexes=False)
        self._url = url

    @property
    def client_class(self) -> type[Any]:
        """Returns the class of dlt's client, whose jobs copy as ours do."""
        url = self._url

        class Client(PostgresClient):  # type: ignore[misc]
            def create_load_job(
                self, table: Any, file_path: str, load_id: str, restore: bool = False
            ) -> Any:
                job = super().create_load_job(table, file_path, load_id, restore)
                return _CopyJob(file_path, url) if type(job) is PostgresParquetCopyJob else job

        return Client
