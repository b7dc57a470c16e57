"""Whom the warehouse's persons of the demo company truly are."""

from collections import Counter, defaultdict

import psycopg

from demo.company.reviewer import true_persons


def true_owners(warehouse: psycopg.Connection, known: psycopg.Connection) -> dict[str, int]:
    """Returns the true person of each person: the one whom most of its records are of."""
    links = warehouse.execute(
        "select source, source_customer_id, person_id from identity.person_links"
    ).fetchall()
    true_of = true_persons(warehouse, known, {(source, number) for source, number, _ in links})
    votes: dict[str, Counter[int]] = defaultdict(Counter)
    for source, number, person in links:
        if (source, number) in true_of:
            votes[person][true_of[source, number]] += 1
    return {
        person: min(counted, key=lambda true_person: (-counted[true_person], true_person))
        for person, counted in votes.items()
    }
