"""Lambda: tell people of failed transcription jobs and of messages nobody could handle."""

from cci_lite.functions.failure_notifier import failure_notifier
from cci_lite.functions.wiring import entry_point

lambda_handler = entry_point(failure_notifier)
