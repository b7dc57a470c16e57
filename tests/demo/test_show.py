"""What the demo tells whoever typed its command."""

from datetime import date

from demo.show import next_commands

DAY = date(2017, 11, 30)
URL = "http://127.0.0.1:8080"


def test_the_default_data_set_need_not_be_named() -> None:
    said = next_commands("company", DAY, URL)
    assert "DATA=" not in said
    assert ".venv/bin/living-crm run --as-of 2017-12-01;" in said


def test_each_command_names_another_data_set() -> None:
    """Else they would speak of the default one: `make down` would leave this one running."""
    said = next_commands("complete_journey", DAY, URL)
    commands = said.removeprefix("Next: ").removesuffix(".").split("; ")
    assert len(commands) == 5
    assert all("DATA=complete_journey" in command for command in commands)
    assert "; DATA=complete_journey .venv/bin/living-crm run" in said
