"""The rules whose jobs hold a GPU."""

GPU_RULES = {
    "train_cam",
    "train_recam",
    "extract_cams",
    "train_irn",
    "refine_cams",
    "train_deeplab",
    "predict_train_masks",
    "predict_logits",
    "evaluate_reliance",
    "measure_objects",
    "deconfound",
}
