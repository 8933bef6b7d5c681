"""What a finished run gives to other programs: pseudo-masks and the segmentation model."""
