"""Fragments of held-out molecules, grown and linked again: one row a task in tasks.csv, the shares in result.csv.

python experiments/fragments/run.py --data data/qm9_ani2x --model qm9 --tasks 500
python experiments/fragments/run.py --data data/druglike_heavy --split geom --model druglike --tasks 200

Each task cuts a molecule of the split's test part as training cuts do (through single bonds outside rings unless
--anywhere), writes the pieces as an SDF file with dummy atoms at the cut bonds, and makes one molecule as `generate`
does, with as many new heavy atoms as were taken away; tasks share batches.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rdkit import Chem

sys.path.insert(0, str(Path(__file__).parents[1] / "qm9_free"))
sys.path.insert(0, str(Path(__file__).parents[1] / "leads"))
from held_out import HELD_OUT
from together import run_together

from molediff.chem import from_rdkit
from molediff.chem.valences import TOO_MANY
from molediff.config import UserError
from molediff.data.shards import open_shards
from molediff.evaluation.ring_systems import rare
from molediff.model import Model, load
from molediff.pipelines.tasks import Grow
from molediff.sampling import SamplingConfig
from molediff.sampling.joined import GIVEN
from molediff.training import tasks as training

HYDROGEN = 1
SETTINGS = ("method", "temperature", "precision", "start", "end", "bend", "churn", "category_noise", "largest_ring")
"""Fields of `SamplingConfig` that may be changed here."""
LANDS = "free side"
"""Where `molediff.sampling.joined` brings pieces at given positions; the rows before: on the line between."""


def cut_pieces(mol: Chem.Mol, known: set[int], marked: bool) -> tuple[Chem.Mol, int]:
    """The known heavy atoms with hydrogens, and how many heavy atoms are gone.

    Args:
        mol: kekulised, 3D, hydrogens explicit or implied.
        known: heavy atoms that stay.
        marked: put dummy atoms where bonds were cut.
    """
    heavy = {a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() > HYDROGEN}
    piece = Chem.RWMol(mol)
    gone = heavy - known
    for bond in mol.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        for at, other in ((i, j), (j, i)):
            if marked and at in known and other in gone:
                dummy = piece.AddAtom(Chem.Atom(0))
                piece.GetConformer().SetAtomPosition(dummy, mol.GetConformer().GetAtomPosition(other))
                piece.AddBond(at, dummy, bond.GetBondType())
    lost = gone | {
        a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == HYDROGEN and a.GetNeighbors()[0].GetIdx() in gone
    }
    for i in sorted(lost, reverse=True):
        piece.RemoveAtom(i)
    return piece.GetMol(), len(gone)


def begin(
    model: Model, mol: Chem.Mol, known: set[int], number: int, folder: Path, marked: bool
) -> tuple[dict, Grow | None]:
    """The first columns of a task's row, and the task; None where its file is refused."""
    piece, gone = cut_pieces(mol, known, marked)
    path = folder / "fragment.sdf"
    path.write_text(Chem.MolToMolBlock(piece, kekulize=False) + "$$$$\n")
    row = {"task": number, "molecule": Chem.MolToSmiles(Chem.RemoveHs(mol)), "known_heavy": len(known), "new": gone}
    try:
        task = Grow.read(path, model)
    except UserError as error:
        return row | {"problem": str(error).replace(str(folder), "")}, None
    return row | {"pieces": task.about()["fragments"], "problem": ""}, task


def crowded(mol: Chem.Mol | None, task: Grow) -> int:
    """New heavy atoms within bonding distance of an atom where no bond may begin: 1.2 times the sum of the radii."""
    if mol is None:
        return 0
    table, pos = Chem.GetPeriodicTable(), mol.GetConformer().GetPositions()
    radius = np.array([table.GetRcovalent(a.GetAtomicNum()) for a in mol.GetAtoms()])
    heavy = np.array([a.GetAtomicNum() > HYDROGEN for a in mol.GetAtoms()])
    k, closed = task.count, np.flatnonzero(~task.source.attach)
    away = np.linalg.norm(pos[k:, None] - pos[closed], axis=-1)
    return int(((away < 1.2 * (radius[k:, None] + radius[closed])).any(1) & heavy[k:]).sum())


def usual_rings(smiles: str) -> bool:
    """Whether a molecule has no ring system that is rare among drug-like molecules."""
    mol = Chem.MolFromSmiles(smiles) if isinstance(smiles, str) else None
    return mol is not None and not rare(mol)


def choose_cuts(mols: list[Chem.Mol], model: Model, seed: int, anywhere: bool) -> list[set[int]]:
    """Known heavy atoms of each molecule, as training draws them."""
    training.RIGID = 0.0 if anywhere else 1.0
    molecules, _ = from_rdkit(mols, model.vocabulary)
    hydrogen = model.vocabulary.elements.index("H") if model.config.explicit_hydrogens else None
    owner = training.draw_cuts(molecules, hydrogen, torch.Generator().manual_seed(seed))
    known = (owner >= 0) & training.heavy_atoms(molecules, hydrogen)
    return [set(row.nonzero()[:, 0].tolist()) for row in known]


def main() -> None:
    """Make the tasks, fill the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/qm9_ani2x", help="prepared data")
    parser.add_argument("--split", default="edm", choices=HELD_OUT, help="whose test part is cut")
    parser.add_argument("--model", default="qm9")
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=50)
    for name in SETTINGS:
        usual = getattr(SamplingConfig(), name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(usual), default=usual, help="of SamplingConfig")
    parser.add_argument("--join", action="store_true", help="bring pieces together, see molediff.sampling.joined")
    parser.add_argument("--valence", action="store_true", help="keep valences, see molediff.sampling.valence")
    parser.add_argument("--anywhere", action="store_true", help="cut rings and multiple bonds too")
    parser.add_argument("--unmarked", action="store_true", help="no dummy atoms: any atom with a hydrogen may grow")
    parser.add_argument("--batch", type=int, default=64, help="tasks sampled at once")
    parser.add_argument("--only", default="", help="numbers of tasks, as 32,108; all when empty")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    model = load(args.model)
    found = HELD_OUT[args.split](open_shards(args.data), 2 * args.tasks, args.seed)
    mols = [m for m in found if sum(a.GetAtomicNum() > HYDROGEN for a in m.GetAtoms()) >= 4][: args.tasks]
    only = {int(word) for word in args.only.split(",") if word}
    cuts = choose_cuts(mols, model, args.seed, args.anywhere)
    begun = []
    with tempfile.TemporaryDirectory() as folder:
        for number, known in enumerate(cuts):
            if not only or number in only:
                begun.append(begin(model, mols[number], known, number, Path(folder), not args.unmarked))
    usable = [(row, task) for row, task in begun if task is not None]
    settings = {name: getattr(args, name) for name in SETTINGS}
    settings |= {"join": args.join, "valence": args.valence}
    config = SamplingConfig(steps=args.steps, **settings)
    tasks, wishes = [task for _, task in usable], [str(row["new"]) for row, _ in usable]
    made, judged = run_together(model, tasks, wishes, config, args.seed, args.batch)
    for (row, task), mol, (_, told) in zip(usable, made, judged.iterrows(), strict=True):
        row |= {k: v for k, v in told.items() if k not in ("index", "seed")} | {"crowded": crowded(mol, task)}
    table = pd.DataFrame([row for row, _ in begun])
    table.to_csv(args.out / "tasks.csv", index=False)
    valid = "strictly_valid" if "strictly_valid" in table else "strict_heavy_valid"

    def share(good: pd.Series) -> float:
        return round(100 * float(good.fillna(False).astype(bool).sum()) / len(table), 2)

    allowed = (table.new_bonds_elsewhere == 0) & (table.problem == "")
    shares = {"model": f"{model.source.name} {model.source.checksum[:8]}", "tasks": len(table)}
    shares |= {
        "begins": GIVEN if args.join else float("nan"),
        "lands": LANDS if args.join else "",
        "too_many": TOO_MANY if args.valence else float("nan"),
        "steps": args.steps,
        **settings,
        "anywhere": args.anywhere,
        "marked": not args.unmarked,
    }
    shares |= {"known_exact": share(table.known_exact), "connected_and_valid": share(table[valid] & table.connected)}
    shares |= {"usual_rings": share(table[valid] & table.connected & table.smiles.map(usual_rings))}
    shares |= {"new_bonds_only_where_allowed": share(allowed), "attached": share(table.attached_ok)}
    shares |= {"uncrowded": share((table.crowded == 0) & (table.problem == "")), "seed": args.seed}
    shares |= {"new_heavy_as_asked": share(table.new_heavy == table.new), "refused": int((table.problem != "").sum())}
    shares |= {"same_molecule": share(table.smiles == [Chem.CanonSmiles(s) for s in table.molecule])}
    result = args.out / "result.csv"
    before = pd.read_csv(result).to_dict("records") if result.is_file() else []
    pd.DataFrame([*before, shares]).to_csv(result, index=False)
    print(shares)
    print("sizes asked for: mean", np.mean(table.new))


if __name__ == "__main__":
    main()
