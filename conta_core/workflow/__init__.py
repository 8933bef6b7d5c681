"""What the library knows of the workflow: its stages, its runs, what makes a result stale."""
