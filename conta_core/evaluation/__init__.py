"""What results are worth: scores, diagnostics, comparisons, the report; what stores mean."""
