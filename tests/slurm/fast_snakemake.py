"""`snakemake`, asking SLURM for the state of its jobs every second.

The executor plugin waits 10 s longer after every look that found nothing new, and lets nobody choose.
"""

import sys

import snakemake_executor_plugin_slurm as plugin
from snakemake.cli import main

plugin.Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, value: None)
sys.exit(main())
