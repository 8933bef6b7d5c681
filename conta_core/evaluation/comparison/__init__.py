"""Arms in pairs: which runs a comparison has, and what their scores say together."""
