"""Lambda: take uploads in, and start one transcription job for each."""

from cci_lite.functions.job_init import job_init
from cci_lite.functions.wiring import entry_point

lambda_handler = entry_point(job_init)
