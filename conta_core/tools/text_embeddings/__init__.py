"""Text embeddings of classes and background words, by a CLIP model's text tower."""
