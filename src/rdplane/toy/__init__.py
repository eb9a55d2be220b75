"""The toy model of the paper's section 4: thirty bins in which every quantity is computed exactly (no torch)."""
