"""The stages: one module a rule of the workflow, named like it."""
