"""Where a failed check is explained: one page per alert in `docs/runbooks/`."""


def page(check_id: str) -> str:
    """Returns the page of a check, from the repository's root.

    A check's id is `<door>.<subject>.<alert>`: the door and the alert name the page, so the same
    alert on thirty tables is explained once.
    """
    door, alert = check_id.split(".")[0], check_id.split(".")[-1]
    return f"docs/runbooks/{door}_{alert}.md"
