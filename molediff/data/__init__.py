"""Floor 4: prepared data: flat arrays on disk, batches by step, splits by index."""
