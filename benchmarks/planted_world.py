"""The warehouse of a planted world: features and labels as the walk leaves them, no model yet."""

from benchmarks.stage import Stage
from tests.ml.world import AS_OF, World, build
from warehouse.connections import connect, ensure_database, warehouse_url
from warehouse.context import RunContext
from warehouse.policy import load_policy
from warehouse.schemas import ensure_schemas


def lay_down_world(stage: Stage, name: str, world: World) -> RunContext:
    """Returns a training as of the world's day, in an installation and a database of its own."""
    settings = stage.empty_installation(name)
    policy = load_policy(settings.policy_file)
    url = ensure_database(warehouse_url(settings), f"bench_{name}")
    with connect(url) as connection:
        ensure_schemas(connection)
    build(url, policy, world)
    return RunContext(settings=settings, policy=policy, as_of=AS_OF, run_id="bench", url=url)
