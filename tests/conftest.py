"""What holds for every test."""

import os
import signal

# The tests run in one process a core: a second thread in each would only fight with the other process.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Started in the background of a script, Python inherits that SIGINT is ignored, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
