"""Places on the earth as conditions of SQL: a box that an index answers, then the distance of what is in it.

The earth is a sphere of its mean radius (IUGG): distances are right to half a per cent. The box follows "Finding
points within a distance of a latitude/longitude using bounding coordinates" (J. P. Matuschek), with the antimeridian
and the poles.
"""

from __future__ import annotations

import math
import sqlite3

__all__ = ["PLACES", "circle", "distance_km", "register_distance"]

PLACES = """
ALTER TABLE photos ADD COLUMN latitude REAL AS (json_extract(facts, '$.latitude')) VIRTUAL;
ALTER TABLE photos ADD COLUMN longitude REAL AS (json_extract(facts, '$.longitude')) VIRTUAL;
CREATE INDEX photos_place ON photos (latitude, longitude) WHERE latitude IS NOT NULL;
"""
"""The columns in which places are looked for: read out of the facts, kept in the index only."""

_EARTH_KM = 6371.0088
_SLACK = 1e-9  # degrees: rounding never costs a photo on the edge


def distance_km(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the great-circle distance of two places given in degrees (haversine).

    Examples
    --------
    >>> round(distance_km(52.52, 13.405, 48.8566, 2.3522))  # Berlin and Paris
    877
    """
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    up = math.sin((other_north - north) / 2) ** 2
    across = math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(up + math.cos(north) * math.cos(other_north) * across)))


def register_distance(db: sqlite3.Connection) -> None:
    """Make `distance_km` known to SQL on this connection: `circle` needs it."""
    db.create_function("distance_km", 4, distance_km, deterministic=True)


def circle(latitude: float, longitude: float, radius_km: float) -> tuple[str, list[float]]:
    """Give a condition on the columns `latitude` and `longitude` of `photos`, and its parameters.

    Parameters
    ----------
    latitude, longitude : float
        The centre, degrees.
    radius_km : float
        Above 0.
    """
    angle = radius_km / _EARTH_KM
    half = math.degrees(angle) + _SLACK
    south, north = latitude - half, latitude + half
    condition = "latitude >= ? AND latitude <= ?"
    values = [max(south, -90.0), min(north, 90.0)]
    if south > -90 and north < 90:
        ratio = math.sin(angle) / math.cos(math.radians(latitude))
        side = (math.degrees(math.asin(ratio)) if ratio < 1 else 180.0) + _SLACK
        west, east = longitude - side, longitude + side
        if west < -180 or east > 180:
            condition += " AND (longitude >= ? OR longitude <= ?)"
            values += [west + 360 if west < -180 else west, east - 360 if east > 180 else east]
        else:
            condition += " AND longitude >= ? AND longitude <= ?"
            values += [west, east]
    return (
        f"{condition} AND distance_km(latitude, longitude, ?, ?) <= ?",
        [*values, latitude, longitude, radius_km + 1e-6],
    )
