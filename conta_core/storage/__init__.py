"""Files: written whole or not at all, JSON, model files, HDF5 stores."""
