"""Lambda: make a unified document of a completed transcription job, or hand the job on."""

from cci_lite.functions.completed_jobs import result_handler
from cci_lite.functions.wiring import entry_point

lambda_handler = entry_point(result_handler)
