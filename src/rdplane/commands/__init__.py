"""What people and the workflow call."""
