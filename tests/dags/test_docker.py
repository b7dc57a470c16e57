"""The containers: what must hold of them, read from the files (building them needs an engine)."""

import re
from typing import Any

import pytest
import yaml

from warehouse.airflow.services import COMMANDS
from warehouse.settings import REPOSITORY, Settings

COMPOSE: dict[str, Any] = yaml.safe_load(
    (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
)
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


def test_the_containers_run_the_services_that_make_up_starts() -> None:
    ours = {name: tuple(SERVICES[name]["command"]) for name in COMMANDS}
    assert ours == dict(COMMANDS)
    assert set(SERVICES) == {*COMMANDS, "postgres", "migrate"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= check.keys()


def test_nothing_starts_before_what_it_needs() -> None:
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in COMMANDS:
        for needed in SERVICES[name]["depends_on"].values():
            assert needed["condition"] in ("service_healthy", "service_completed_successfully")


def test_no_secret_has_a_default() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    used = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY|TOKEN)\w*)([^}]*)\}", text)
    assert used
    assert all(rest.startswith(":?") and len(rest) > 2 for _, rest in used)
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    assert re.findall(r"^[^#]\w*(?:PASSWORD|SECRET|KEY)\w*=(.*)$", example, re.M) == [""]


def test_every_image_is_pinned_to_a_full_version() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    images = [service["image"] for service in SERVICES.values()]
    for image in [*bases, *images]:
        assert re.search(r":\d+\.\d+(\.\d+)?(-[\w.-]+)?$", image), image
    assert SERVICES["postgres"]["image"].startswith("postgres:18.")


def test_the_image_runs_as_an_ordinary_user_from_the_lock() -> None:
    stages = DOCKERFILE.split("FROM ")
    assert re.search(r"^USER living-crm$", stages[-1], re.M)
    assert DOCKERFILE.count("uv sync --frozen --no-dev") == 2
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (version,) = re.findall(r"^UV_VERSION := (\S+)$", makefile, re.M)
    assert f"pip install --no-cache-dir uv=={version}" in DOCKERFILE


def test_what_is_secret_or_made_stays_out_of_the_image() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", ".git", ".living-crm", ".venv"} <= set(ignored)


def test_ports_are_open_to_this_machine_only() -> None:
    for service in SERVICES.values():
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")


def test_every_setting_stands_in_the_example() -> None:
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert re.search(rf"^#?{name.upper()}=", example, re.M), name
