"""Where things are: one frozen object read from the environment and `.env`.

Business numbers do not live here but in `policy.yml` (see `warehouse.policy`).
"""

from functools import cache
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parent.parent


# The demos can run side by side.
_PORTS = {"complete_journey": 54181}


def _policy_file(data: str) -> Path:
    """Returns a demo's own policy, else the company's."""
    of_demo = REPOSITORY / "demo" / data / "policy.yml"
    return of_demo if of_demo.exists() else REPOSITORY / "policy.yml"


class Settings(BaseSettings):
    """Paths and addresses of one installation.

    Every field can be set as an environment variable of the same name in capitals, or in `.env`.
    """

    model_config = SettingsConfigDict(
        env_file=REPOSITORY / ".env", env_prefix="", extra="ignore", frozen=True
    )

    data: str = Field(
        default="company",
        pattern=r"^[a-z][a-z0-9_]{0,40}$",
        description="The data set: sources/catalog/<data> and dbt_project/datasets/<data>.",
    )
    living_crm_home: Path = Field(
        default_factory=lambda given: REPOSITORY / ".living-crm" / str(given["data"]),
        description="The one ignored folder everything that is made at run time lives in.",
    )
    warehouse_url: SecretStr | None = Field(
        default=None,
        description="postgresql://user:password@host:port/database; unset means embedded.",
    )
    warehouse_port: int = Field(
        default_factory=lambda given: _PORTS.get(str(given["data"]), 54180),
        ge=0,
        le=65535,
        description="Embedded server's port; 0 takes a free one.",
    )
    airflow_host: str = Field(
        default="127.0.0.1", description="Name that Airflow's API listens on and is reached under."
    )
    airflow_port: int = Field(default=8080, ge=0, le=65535, description="Airflow's UI and API.")
    airflow_database_url: SecretStr | None = Field(
        default=None, description="Airflow's metadata; unset means database `airflow` beside ours."
    )
    airflow_schedule: bool = Field(
        default=False,
        description="Whether nightly and weekly runs start by themselves; not for the demos.",
    )
    policy_file: Path = Field(default_factory=lambda given: _policy_file(str(given["data"])))
    catalog_dir: Path = Field(
        default_factory=lambda given: REPOSITORY / "sources" / "catalog" / str(given["data"])
    )

    @property
    def staging_dir(self) -> Path:
        """The staging models of the data set, one folder per source."""
        return REPOSITORY / "dbt_project" / "datasets" / self.data / "staging"

    @property
    def postgres_dir(self) -> Path:
        """Data, log and password of the embedded server."""
        return self.living_crm_home / "postgres"

    @property
    def airflow_dir(self) -> Path:
        """AIRFLOW_HOME: logs, process ids, generated login."""
        return self.living_crm_home / "airflow"

    @property
    def dbt_dir(self) -> Path:
        """dbt's target and log folders."""
        return self.living_crm_home / "dbt"

    @property
    def models_dir(self) -> Path:
        """Model artefacts, one folder per model version."""
        return self.living_crm_home / "models"

    @property
    def docs_dir(self) -> Path:
        """Data Docs and briefings: pages for people."""
        return self.living_crm_home / "docs"

    @property
    def lists_dir(self) -> Path:
        """Published target lists, one folder per `as_of_date`."""
        return self.living_crm_home / "lists"

    @property
    def sources_dir(self) -> Path:
        """The demo's file drops and the generated connection file of its source systems."""
        return self.living_crm_home / "sources"


@cache
def load_settings() -> Settings:
    """Returns the settings of this process; raises `SettingsError` naming the variable at fault."""
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(
            f"Setting {name} is not valid: {first['msg']}.",
            f"Correct {name} in the environment or in .env; .env.example lists what is allowed.",
        ) from None
    return settings.model_copy(
        update={"living_crm_home": settings.living_crm_home.expanduser().resolve()}
    )
