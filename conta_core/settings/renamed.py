"""Keys that had another name: what to write in their place."""

#: dotted key of old -> today's, and what its old values are called today
RENAMED = {
    "walk": "refinement, with the same keys",
    "irn.inference_pad": "refinement.inference_pad",
    "context.weights": "context.classifier_init, with cam_weights for cam and segmentation_model "
    "for segmentation",
    "context.masks": "context.oracle_masks, with false for predicted and true for truth",
    "context.intervention.masks": "context.intervention.object_masks",
    "context.intervention.segmentation": "context.intervention.segmentation_recombined",
    "context.intervention.trusted": "context.intervention.area_filter",
    "context.intervention.companions": "context.intervention.ownership, with checked for refused "
    "and ignored for kept",
}
