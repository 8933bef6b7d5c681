"""Files of other programs: arrays and tensors in pickles, read without running what is in them."""
