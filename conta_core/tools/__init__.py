"""What people run beside the workflow; no other package imports it."""
