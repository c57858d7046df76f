"""Floor 7: training in Lightning; runs that stop and go on."""
