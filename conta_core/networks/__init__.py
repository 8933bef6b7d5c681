"""Networks: backbones, the CAM classifier, IRN and DeepLab."""
