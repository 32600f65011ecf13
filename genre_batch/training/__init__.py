"""From labelled tracks to a model bundle: splits, dataset, augmentation, trainer."""
