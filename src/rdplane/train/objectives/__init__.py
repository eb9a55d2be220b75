"""What training can minimise, one objective a file."""
