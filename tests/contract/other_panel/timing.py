"""How long everything takes here, in seconds; longer than on the simulator, and never at once."""

OPERATION_APPEARS = 7.0
"""From a call's answer until the server shows the operation."""
INSTALLATION = 25 * 60.0
DIAGNOSTICS = 40 * 60.0
CANCELLATION = 60.0
PORT = 20.0
OWNER = 4.0
POWER = 45.0
ADDRESS = 12.0
SESSION = 60 * 60.0
"""A session ends after this long without a call."""
