"""Lambda: take in what telephony platforms know about calls."""

from cci_lite.functions.call_metadata import call_metadata
from cci_lite.functions.wiring import entry_point

lambda_handler = entry_point(call_metadata)
