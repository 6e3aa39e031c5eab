"""Wires S3, DynamoDB and Glue to the use cases: what `cci_lite.open("s3://…")` returns."""

from __future__ import annotations

from collections.abc import Mapping

from cci_lite.errors import UsageError
from cci_lite.operations import Operations
from cci_lite.settings import BucketLake, LakeSettings


def open_cloud_lake(place: BucketLake, environment: Mapping[str, str]) -> Operations:
    """The lake at this place; raises UsageError when the environment does not say enough."""
    LakeSettings.from_environment(environment, output_bucket=place.output_bucket)
    raise UsageError(f"{place}: lakes on AWS cannot be opened yet")
