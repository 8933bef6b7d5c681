"""From seeds to pseudo-masks: IR labels, edges, the random walk, the CRF, thresholds."""
