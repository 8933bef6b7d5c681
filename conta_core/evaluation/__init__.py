"""What results are worth: scores, diagnostics, comparisons, the report."""
