"""Lambda: make a unified document of a completed transcription job that waited in a queue."""

from cci_lite.functions.completed_jobs import analyzer
from cci_lite.functions.wiring import entry_point

lambda_handler = entry_point(analyzer)
