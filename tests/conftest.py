"""What holds for every test."""

import signal

# Started in the background of a script, Python inherits that SIGINT is ignored, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
