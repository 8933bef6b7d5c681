"""Networks: backbones, classifiers, the IRN and segmentation models."""
