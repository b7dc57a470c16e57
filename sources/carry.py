"""Carries rows from the readers to the raw tables with dlt.

dlt keeps no state between runs: how far a source is loaded stands in the warehouse alone, and dlt's
working folder is emptied before each load.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sources.readers.reading import Reading
from warehouse.connections import without_secret
from warehouse.context import RunContext
from warehouse.errors import LivingCrmError, SourceError, WarehouseError


def carry(context: RunContext, source: str, readings: list[Reading], last_load_id: str) -> str:
    """Lets dlt bring the rows from the readers to the raw tables, and returns the load's id.

    Raises:
        SourceError: what is wrong at the source.
        WarehouseError: the warehouse does not take the rows.
    """
    resources = [reading.make_resource for reading in readings if reading.make_resource]
    if not resources:
        return _next_load_id(source, [], last_load_id)
    folder = context.settings.living_crm_home / "dlt" / source
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with _dlt_environment(folder):
        import dlt
        from dlt.pipeline.exceptions import PipelineStepFailed

        from sources.destination import Warehouse

        pipeline = dlt.pipeline(
            pipeline_name=f"load_{source}",
            pipelines_dir=str(folder),
            destination=Warehouse(context.url),
            dataset_name=f"raw_{source}",
        )
        tables = dlt.source(lambda: [make_resource() for make_resource in resources], name=source)
        try:
            extracted = pipeline.extract(tables(), loader_file_format="parquet").loads_ids
            load_id = _next_load_id(source, extracted, last_load_id)
            pipeline.normalize()
            pipeline.load()
        except PipelineStepFailed as error:
            raise _fault(context, source, error) from None
    shutil.rmtree(folder, ignore_errors=True)
    return load_id


def _next_load_id(source: str, extracted: list[str], last_load_id: str) -> str:
    """Returns dlt's id of what it extracted, or one of its form when there was nothing.

    Raises:
        WarehouseError: the clock went back, and the id would not be the youngest.
    """
    load_id = extracted[0] if extracted else str(time.time())
    if load_id <= last_load_id:
        raise WarehouseError(
            f"The load of {source} would be older than the last one: the clock went back.",
            "Set the machine's clock right and run again.",
        )
    return load_id


def _fault(context: RunContext, source: str, error: Any) -> LivingCrmError:
    """Returns what to tell of a failed dlt step: the reader's own error, or where it broke.

    Only names of exception classes are told: their texts may hold values of rows.
    """
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = getattr(cause, "exception", None) or cause.__cause__ or cause.__context__
    for cause in causes:
        if isinstance(cause, LivingCrmError):
            return cause
    kind = type(causes[-1]).__name__
    if error.step == "extract":
        return SourceError(
            f"Source {source} broke off while it was read: {kind}.",
            "Check that it runs and run again; nothing of this load stays.",
        )
    place = without_secret(context.url)
    return WarehouseError(
        f"The warehouse at {place} did not take the rows of {source}: {kind}.",
        "Check that it runs and has space and run again; nothing of this load stays.",
    )


@contextmanager
def _dlt_environment(folder: Path) -> Iterator[None]:
    """Sets what dlt reads from its environment, so that no file of the current folder has a say."""
    values = {
        "DLT_PROJECT_DIR": str(folder),
        "DLT_DATA_DIR": str(folder),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "CRITICAL",  # its faults reach us as exceptions
        "RUNTIME__INTERCEPT_SIGNALS": "false",
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # looking for some imports all of Airflow
        "NORMALIZE__PARQUET_NORMALIZER__ADD_DLT_LOAD_ID": "true",
        "RESTORE_FROM_DESTINATION": "false",
        "ENABLE_RUNTIME_TRACE": "false",
        # A file is copied from memory: this bounds it, whatever the table's size.
        "DATA_WRITER__FILE_MAX_ITEMS": "500000",
        "LOAD__WORKERS": "2",
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
