"""What only ablations ask for: placebos and upper bounds of the causal step.

``context.assignment: shuffled`` gives each image another one's M (:mod:`.shuffled_contexts`).
``context.oracle_masks: true`` takes ground truth for predictions (:mod:`.oracle_masks`).
"""
