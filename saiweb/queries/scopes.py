"""Scopes: what somebody may see, as it is stored and as a condition of a query."""

from __future__ import annotations

from typing import Any, LiteralString

from saiweb.records import Scope

# For a query in which `e` is executions; its parameters come from parameters().
IN_SCOPE: LiteralString = """(
    (e.device_id, e.camera_id) IN (SELECT * FROM unnest(%(scope_devices)s::text[], %(scope_cameras)s::text[]))
    OR e.location = ANY(%(scope_locations)s::text[])
)"""


def condition(scope: Scope | None) -> LiteralString:
    """Return the condition on executions `e` for this scope; "true" for everything."""
    return "true" if scope is None else IN_SCOPE


def visible(scope: Scope | None, alias: LiteralString) -> LiteralString:
    """Return the condition on rows `alias` that carry the key of an execution which is not at hand itself."""
    if scope is None:
        return "true"
    return f"""EXISTS (
        SELECT FROM executions e
        WHERE (e.execution_timestamp, e.id) = ({alias}.execution_timestamp, {alias}.execution_id) AND {IN_SCOPE}
    )"""


def parameters(scope: Scope | None) -> dict[str, list[str]]:
    """Return what condition() and visible() refer to."""
    if scope is None:
        return {}
    cameras = sorted(scope.cameras)
    return {
        "scope_devices": [device_id for device_id, _camera_id in cameras],
        "scope_cameras": [camera_id for _device_id, camera_id in cameras],
        "scope_locations": sorted(scope.locations),
    }


def sees(scope: Scope | None, device_id: str | None, camera_id: str | None, location: str | None) -> bool:
    """Tell the same of one row that is at hand; an execution of an unknown camera is seen by the unrestricted alone."""
    return scope is None or (device_id, camera_id) in scope.cameras or location in scope.locations


def from_json(value: Any) -> Scope | None:
    """Read users.camera_scope; raises KeyError or TypeError for what dump() did not write."""
    if value is None:
        return None
    return Scope(
        cameras=frozenset((str(device_id), str(camera_id)) for device_id, camera_id in value["cameras"]),
        locations=frozenset(str(one) for one in value["locations"]),
    )


def dump(scope: Scope | None) -> dict[str, Any] | None:
    """Return what users.camera_scope holds."""
    if scope is None:
        return None
    return {"cameras": [list(one) for one in sorted(scope.cameras)], "locations": sorted(scope.locations)}
