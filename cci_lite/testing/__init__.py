"""Test doubles that users may use, too: the ports in memory, and three AWS services.

`memory` implements the ports of the pipeline; `transcribe`, `comprehend` and `bedrock` stand in for
boto3 clients where moto has no such operation, or a wrong one.
"""
