"""The docking bench: receptors, sites, ligands, Vina, a differentiable Vina, refinement and ranking."""
