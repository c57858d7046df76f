"""Molecules for the pockets of crossdocked_test: every pocket, every molecule asked for counts. Resumable per pocket.

    python experiments/crossdocked/run.py --data crossdocked_test --work work --n 100         # 100 a pocket: many hours
    python experiments/crossdocked/run.py --data crossdocked_test --work work --n 5 --pockets 20 --only plain
    python experiments/crossdocked/run.py --data X --work work --only usual --energy --n 20 --seeds 0,1,2,3,4
    python experiments/crossdocked/run.py --table                                              # the table alone

``--data`` is the folder of crossdocked_test.tar.xz, unpacked. Molecules are kept in ``--work``; judged pockets are
lines of results.jsonl.xz, which --table packs. All ``--seeds`` of a row are one line of the table. In one call they
are made pocket by pocket (maps are made once); a call for each is a round over all pockets, after which the table is
whole.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import kept  # noqa: E402
from bench import Job, PoseTask  # noqa: E402
from table import KEYS, lines, tabulate  # noqa: E402

from molediff.chem.hydrogens import with_hydrogens  # noqa: E402
from molediff.config import UserError, choose  # noqa: E402
from molediff.docking.pool import run_all  # noqa: E402
from molediff.docking.prepare import prepare_receptor  # noqa: E402
from molediff.docking.refine import METHODS, RefineConfig  # noqa: E402
from molediff.docking.sites import site_of_ligand  # noqa: E402
from molediff.model import load  # noqa: E402
from molediff.pipelines import Generate  # noqa: E402
from molediff.pipelines.frame import Frame, cut_pocket, ligand_sizes  # noqa: E402
from molediff.pipelines.guided import guided  # noqa: E402
from molediff.pipelines.in_pocket import InPocket  # noqa: E402
from molediff.pipelines.tasks import Task  # noqa: E402
from molediff.sampling import GuidanceConfig  # noqa: E402


@dataclass(frozen=True)
class Row:
    """How the molecules of a row of the table are made."""

    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)
    """How estimates are pushed."""
    clash: float = 0.0
    """Weight of the clash term beside Vina's, kcal/mol/A^2."""
    sizes: str = "reference"
    """Heavy atoms: 'reference' for those of the reference ligand +- 3, 'prior' for what fills the pocket."""
    join: bool = False
    """Whether pieces are brought together, see `molediff.sampling.joined`."""
    valence: bool = False
    """Whether atoms get only bonds that they can have, see `molediff.sampling.valence`."""
    largest_ring: int = 0
    """Atoms of the largest ring that is not opened, see `molediff.sampling.opened`; 0 for any."""
    pocket: str = "ligand"
    """'ligand' for the residues round the reference ligand, 'box' for a sphere round the site's centre."""


PULL = 0.5
"""Of Vina's gradient in rows that have it, mol/kcal."""
EARLY = 1.5
"""Noise below which these are pulled, angstrom."""
ROWS = {
    "plain": Row(),
    "scale1.25": Row(GuidanceConfig(scale=1.25)),
    "scale1.5": Row(GuidanceConfig(scale=1.5)),
    "scale2": Row(GuidanceConfig(scale=2.0)),
    "vina": Row(GuidanceConfig(pull=PULL, below=EARLY)),
    "vina+clash": Row(GuidanceConfig(pull=PULL, below=EARLY), 5.0),
    "vina1+clash": Row(GuidanceConfig(pull=2 * PULL, below=EARLY), 5.0),
    "scale1.25+vina+clash": Row(GuidanceConfig(scale=1.25, pull=PULL, below=EARLY), 5.0),
    "scale2+vina+clash": Row(GuidanceConfig(scale=2.0, pull=PULL, below=EARLY), 5.0),
    "late+clash": Row(GuidanceConfig(pull=4 * PULL, below=0.5), 5.0),
    "later+clash": Row(GuidanceConfig(pull=8 * PULL, below=0.3), 5.0),
    "joined": Row(join=True),
    "pulled+joined": Row(GuidanceConfig(pull=8 * PULL, below=0.3), 5.0, join=True),
    "constrained": Row(join=True, valence=True),
    "usual": Row(GuidanceConfig(pull=8 * PULL, below=0.3), 5.0, join=True, valence=True, largest_ring=6),
    "prior": Row(sizes="prior"),
    "box": Row(sizes="prior", pocket="box"),
    "pulled+joined-prior": Row(GuidanceConfig(pull=8 * PULL, below=0.3), 5.0, "prior", join=True),
    "usual-prior": Row(GuidanceConfig(pull=8 * PULL, below=0.3), 5.0, "prior", join=True, valence=True, largest_ring=6),
    "usual-box": Row(
        GuidanceConfig(pull=8 * PULL, below=0.3), 5.0, "prior", join=True, valence=True, largest_ring=6, pocket="box"
    ),
}
"""Rows of the table; usual is what `molediff generate` does, with sizes by the prior where none are asked for."""
ROWS_SAY = ("join", "valence", "largest_ring")
"""Settings that are the row's, whatever the model recommends."""
REFERENCE = "reference"
"""Row of the ligands that came with the pockets, judged by the same code."""
LIMIT = 300.0
"""Seconds of computing a molecule may take to be judged."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the complexes")
    parser.add_argument("--work", type=Path, default=Path("work"), help="folder for receptors and molecules")
    parser.add_argument("--model", default="pocket", help="bundled name or folder")
    parser.add_argument("--n", type=int, default=100, help="molecules a pocket (default 100)")
    parser.add_argument("--seeds", default="0", help="as 0,1,2: --n molecules of each (default 0)")
    parser.add_argument("--steps", type=int, default=50, help="of sampling (default 50)")
    parser.add_argument("--pockets", type=int, default=100, help="an even choice of so many of the sorted set")
    parser.add_argument("--only", default=",".join((REFERENCE, *ROWS)), help=f"rows, of {REFERENCE}, {', '.join(ROWS)}")
    parser.add_argument("--relax", default=InPocket().relax, help=f"one of {', '.join(METHODS)} (default: as generate)")
    parser.add_argument("--strain", type=int, default=10**6, help="of the first so many molecules a pocket (all)")
    parser.add_argument("--energy", action="store_true", help="PoseBusters' energy ratio too: all checks of `dock`")
    parser.add_argument("--minutes", type=float, default=1e6, help="begin no pocket after so many")
    parser.add_argument("--workers", type=int, default=1, help="processes that judge (default 1)")
    parser.add_argument("--table", action="store_true", help="make result.csv from what is there and stop")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl.xz")
    args = parser.parse_args()
    if not args.table:
        if args.data is None or not args.data.is_dir():
            raise UserError(f"--data is {args.data}. Give the unpacked folder crossdocked_test.")
        run(args)
    else:
        kept.pack(args.results)
    table = tabulate(pd.DataFrame(lines(args.results)))
    table.to_csv(args.results.with_name("result.csv"), index=False)
    print(table.to_string(index=False))


def chosen(data: Path, count: int) -> list[str]:
    """An even choice of the sorted complexes that have both files."""
    names = sorted(p.name for p in data.iterdir() if (p / "protein.pdb").is_file() and (p / "ligand.sdf").is_file())
    places = np.unique(np.linspace(0, len(names) - 1, min(count, len(names))).round().astype(int))
    return [names[k] for k in places]


@dataclass(frozen=True)
class Wanted:
    """The molecules of a row in a pocket."""

    row: str
    pocket: str
    n: int
    model: str
    """First digits of its checksum; '' for the reference."""
    steps: int
    settings: str = ""
    """Of sampling, that the model recommends in a pocket."""
    relax: str = "mmff"
    """Of `molediff.docking.refine.METHODS`."""
    rings: str = "closed"
    """How Vina scores rings of seven and more: closed, or (lines of before) opened, their bonds counted as rotors."""
    energy: bool = False
    """Whether PoseBusters' energy ratio is looked at."""
    seed: int = 0
    """Of sampling."""

    @property
    def key(self) -> dict:
        """What a line of results.jsonl.xz is known by."""
        return {name: getattr(self, name) for name in KEYS}


def run(args: argparse.Namespace) -> None:
    """Make the molecules of every row in every pocket that is not finished, then judge them."""
    until = time.monotonic() + 60 * args.minutes
    RefineConfig(args.relax)  # says so now if there is no such method
    args.work.mkdir(parents=True, exist_ok=True)
    names, rows = chosen(args.data, args.pockets), args.only.split(",")
    for row in rows:
        choose("row", row, {REFERENCE: None} | ROWS)
    model = load(args.model) if rows != [REFERENCE] else None
    done = [{key: one[key] for key in KEYS} for one in lines(args.results)]
    seeds = [int(one) for one in args.seeds.split(",")]
    for row in rows:
        wanted, made = [], {}
        for name, seed in [(name, seed) for name in names for seed in (seeds if row != REFERENCE else [0])]:
            one = Wanted(row, name, 1, "", 0, relax=args.relax, energy=args.energy)
            if row != REFERENCE:
                said = model.recommended(args.steps, "pocket").items()
                settings = ",".join(f"{key}={value}" for key, value in said if key not in ROWS_SAY)
                about = {"model": model.source.checksum[:8], "steps": args.steps, "settings": settings}
                one = replace(one, n=args.n, seed=seed, **about)
            if one.key in done or time.monotonic() > until:
                continue
            made[one] = reference(args, name) if row == REFERENCE else molecules(model, args, one)
            wanted.append(one)
        judge(args, wanted, made)


def judge(args: argparse.Namespace, wanted: Sequence[Wanted], made: dict[Wanted, dict]) -> None:
    """Judge molecule by molecule, those of a pocket in a row; a pocket with all of them is written."""
    places = [(one, i) for one in wanted for i in range(one.n)]
    jobs = []
    for one, i in places:
        site = site_of_ligand(prepared(args, one.pocket), ligand_of(args, one.pocket), one.pocket)
        path, block = str(args.work.resolve() / f"{one.pocket}.pkl"), made[one]["blocks"][i]
        box = (tuple(map(float, site.centre)), tuple(map(float, site.size)))
        jobs.append(Job(path, *box, block, i < args.strain, args.energy))
    found: dict[Wanted, dict[int, dict]] = {one: {} for one in wanted}

    def keep(number: int, result: dict | None, reason: str) -> None:
        one, i = places[number]
        found[one][i] = result if result is not None else {"reason": reason, "cpu": {}}
        if len(found[one]) == one.n:
            line = one.key | {k: v for k, v in made[one].items() if k != "blocks"}
            kept.append(args.results, line | {"figures": [found[one][k] for k in range(one.n)]})
            print(f"{one.row} {one.pocket}: judged", flush=True)

    if jobs:
        run_all(PoseTask(args.relax), jobs, args.workers, LIMIT, keep)


def molecules(model, args: argparse.Namespace, one: Wanted) -> dict:
    """{'blocks' (with hydrogens, '' for what is not valid), 'atoms', 'connected', 'valid', 'smiles', 'sampling'}."""
    name = f"{one.row}-{one.model}-{one.n}-{one.steps}" + (f"-{one.settings}" if one.settings else "")
    name += f"-seed{one.seed}" if one.seed else ""
    folder = args.work / name
    path = folder / f"{one.pocket}.json"
    if path.is_file():
        return json.loads(path.read_text())
    folder.mkdir(exist_ok=True)
    began = time.process_time()
    how, ligand, receptor = ROWS[one.row], ligand_of(args, one.pocket), prepared(args, one.pocket)
    site, near = site_of_ligand(receptor, ligand, one.pocket), ligand if how.pocket == "ligand" else None
    prior = ligand_sizes(model, receptor, site, near) if how.sizes == "prior" else {}
    frame = Frame.of(model, cut_pocket(receptor, site, near)[0], prior)
    denoise = guided(model, receptor, frame, how.guidance, how.clash)
    atoms = ligand.GetNumHeavyAtoms()
    sizes = f"{max(3, atoms - 3)}-{atoms + 3}" if how.sizes == "reference" else ""
    put = {key: getattr(how, key) for key in ROWS_SAY}
    out = Generate(model, denoise)(n=one.n, seed=one.seed, steps=one.steps, atoms=sizes, task=Task(frame), **put)
    valid = out.table["strict_heavy_valid"].tolist()
    whole = [with_hydrogens(mol) if ok else None for mol, ok in zip(out.mols, valid, strict=True)]
    made = {"blocks": [Chem.MolToMolBlock(mol) if mol is not None else "" for mol in whole], "valid": valid}
    made |= {key: out.table[key].tolist() for key in ("atoms", "connected", "smiles", "reason")}
    made |= {"pocket_atoms": frame.atoms, "sampling": round(time.process_time() - began, 2)}
    write(path, json.dumps(made).encode())
    print(f"{one.row} {one.pocket}: {sum(valid)} of {one.n} valid, {made['sampling']} s", flush=True)
    return made


def reference(args: argparse.Namespace, name: str) -> dict:
    """The ligand that came with the pocket, as `molecules` gives others."""
    ligand = ligand_of(args, name)
    prepared(args, name)
    made = {"blocks": [Chem.MolToMolBlock(Chem.AddHs(ligand, addCoords=True))], "valid": [True], "connected": [True]}
    made |= {"atoms": [ligand.GetNumHeavyAtoms()], "smiles": [Chem.MolToSmiles(ligand)], "reason": [""]}
    return made | {"sampling": 0.0}


def ligand_of(args: argparse.Namespace, name: str) -> Chem.Mol:
    """Heavy atoms of the reference."""
    return Chem.MolFromMolFile(str(args.data / name / "ligand.sdf"))


def prepared(args: argparse.Namespace, name: str):
    """The receptor, prepared once."""
    path = args.work / f"{name}.pkl"
    if not path.is_file():
        made = prepare_receptor(args.data / name / "protein.pdb", ligand=ligand_of(args, name))
        write(path, pickle.dumps(made))
    return pickle.loads(path.read_bytes())


def write(path: Path, content: bytes) -> None:
    """Whole or not at all."""
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)


if __name__ == "__main__":
    main()
