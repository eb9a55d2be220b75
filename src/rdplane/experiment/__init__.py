"""What an experiment is: configuration, architectures, cells and their identity, places of files. Needs no torch."""
