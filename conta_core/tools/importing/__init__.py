"""Published weights of other code made into files of ours: one key map a source."""
