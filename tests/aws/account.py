"""An empty account of AWS in this process, by moto, that costs little to make.

Every session of boto3 reads megabytes of JSON that describe the services, and moto makes an RSA key
for every table and every key of KMS; both are the same each time, and are made once here.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import boto3
import botocore.session
from moto import mock_aws
from moto.kms import models

_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
_loader = functools.cache(botocore.session.create_loader)
_private_key = functools.cache(models.generate_private_key)
_session = functools.cache(boto3.Session)


@contextmanager
def empty_account() -> Iterator[None]:
    """Until its end every client talks to an account in which nothing is."""
    with (
        patch.dict("os.environ", _CREDENTIALS),
        patch("botocore.session.create_loader", _loader),
        patch("moto.kms.models.generate_private_key", _private_key),
        # The library `requests`, for which moto would prepare thousands of answers, is not used.
        patch("moto.core.models.RESPONSES_METHODS", []),
        mock_aws(),
        patch("boto3.DEFAULT_SESSION", _session()),
    ):
        yield
