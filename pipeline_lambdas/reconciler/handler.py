"""Lambda: drive on what has come to a halt, and balance the days."""

from cci_lite.functions.reconciler import reconciler
from cci_lite.functions.wiring import entry_point

lambda_handler = entry_point(reconciler)
