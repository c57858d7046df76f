"""Values that cannot be, or that are better than the data: flagged beside the table."""

from __future__ import annotations

from collections.abc import Mapping


def impossible(figures: Mapping[str, Mapping], data: Mapping[str, Mapping] | None = None) -> list[str]:
    """Sentences about figures of one protocol that cannot hold together, or that ask for an explanation.

    Args:
        figures: key -> {'value', 'spread', 'low', 'high'} in percent; also a published row, where only 'value' is
            known. Keys used: validity, strict_validity, valid_connected, complete, valid_unique, valid_unique_novel,
            atom_stability, molecule_stability.
        data: the same figures of the reference data.

    Rules: V x U x N <= V x U <= V, all over attempts (one code prints 0.958 above 0.913); connected and valid <= valid;
    a stability above the data's by more than two spreads (of the set's groups, else a quarter of its bootstrap
    interval) suggests that the generator seeks the modes of the data.
    """
    value = {key: one["value"] for key, one in figures.items() if one.get("value") is not None}
    valid = next((key for key in ("validity", "strict_validity", "strict_heavy_validity") if key in value), "")
    chains = [
        ("valid_unique_novel", "valid_unique"),
        ("valid_unique", valid),
        ("valid_unique_novel", valid),
        ("valid_connected", valid),
        ("complete", valid),
        ("stable_valid_connected", "valid_connected"),
    ]
    found = [
        f"impossible: {small} {value[small]:.2f} is above {large} {value[large]:.2f}"
        for small, large in chains
        if small in value and large in value and value[small] > value[large] + 1e-9
    ]
    found += [f"impossible: {k} {v:.2f} is outside 0 to 100" for k, v in value.items() if _percent(figures[k], v)]
    for key in ("atom_stability", "molecule_stability"):
        if data and key in value and key in data:
            spread = _spread(figures[key])
            if value[key] > data[key]["value"] + 2 * spread:
                found.append(
                    f"above the data: {key} {value[key]:.2f} against {data[key]['value']:.2f} of the data itself "
                    f"(two spreads: {2 * spread:.2f}): mode seeking?"
                )
    return found


def _percent(figure: Mapping, value: float) -> bool:
    return figure.get("unit", "%") == "%" and not -1e-9 <= value <= 100 + 1e-9 and value == value


def _spread(figure: Mapping) -> float:
    if figure.get("spread") is not None:
        return figure["spread"]
    low, high = figure.get("low"), figure.get("high")
    return (high - low) / 4 if low is not None and high is not None else 0.0
