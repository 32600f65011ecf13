"""From segments to scores: taxonomy, bundle, networks, predictor, pooling, calibration."""
