"""Airflow beside the warehouse: its services, and a walk run through it.

Airflow itself is never imported here, only started and spoken to: importing it takes seconds, and
the rooms must not depend on it.
"""

from warehouse.airflow.runs import TaskProgress, run_dag
from warehouse.airflow.services import Services, down, is_up, up

__all__ = ["Services", "TaskProgress", "down", "is_up", "run_dag", "up"]
