"""Molecules for the pockets of crossdocked_test: every pocket, every molecule asked for counts. Resumable per pocket.

    python experiments/crossdocked/run.py --data crossdocked_test --work work --n 100         # 100 a pocket: many hours
    python experiments/crossdocked/run.py --data crossdocked_test --work work --n 5 --pockets 20 --only plain
    python experiments/crossdocked/run.py --data X --work work --only usual --energy --n 20 --seeds 0,1,2,3,4
    python experiments/crossdocked/run.py --table                                              # the table alone

``--data`` is the folder of crossdocked_test.tar.xz, unpacked. Molecules are kept in ``--work``; judged pockets are
lines of results.jsonl. All ``--seeds`` of a row are one line of the table. In one call they are made pocket by pocket
(maps are made once); a call for each is a round over all pockets, after which the table is whole.
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
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

HERE = Path(__file__).resolve().parent
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH", "")]))
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from bench import POSES, Job, PoseTask  # noqa: E402

from molediff.chem.hydrogens import with_hydrogens  # noqa: E402
from molediff.config import UserError, choose  # noqa: E402
from molediff.docking.pool import run_all  # noqa: E402
from molediff.docking.prepare import prepare_receptor  # noqa: E402
from molediff.docking.refine import METHODS, RefineConfig  # noqa: E402
from molediff.docking.sites import site_of_ligand  # noqa: E402
from molediff.evaluation.identity import in_training, inchikey  # noqa: E402
from molediff.evaluation.readers.training import read_training  # noqa: E402
from molediff.evaluation.ring_systems import rare  # noqa: E402
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
KEYS = ("row", "pocket", "n", "model", "steps", "settings", "relax", "rings", "energy", "seed")
"""What a line of results.jsonl is known by."""
POOLED = ("pocket", "seed")
"""Those that a line of the table holds all of."""
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
    parser.add_argument("--table", action="store_true", help="make result.csv from results.jsonl and stop")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    args = parser.parse_args()
    if not args.table:
        if args.data is None or not args.data.is_dir():
            raise UserError(f"--data is {args.data}. Give the unpacked folder crossdocked_test.")
        run(args)
    table = tabulate(pd.DataFrame(lines(args.results)))
    table.to_csv(args.results.with_name("result.csv"), index=False)
    print(table.to_string(index=False))


def lines(path: Path) -> list[dict]:
    """What is finished."""
    # Lines from before models recommended settings, before other methods, and so on.
    old = {"settings": "", "relax": "mmff", "rings": "opened", "energy": False, "seed": 0}
    return [old | json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


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
        """What a line of results.jsonl is known by."""
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
            with open(args.results, "a") as f:
                f.write(json.dumps(line | {"figures": [found[one][k] for k in range(one.n)]}) + "\n")
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


def tabulate(data: pd.DataFrame) -> pd.DataFrame:
    """A line for each row, model and pose: over ALL molecules asked for; what cannot be scored counts as 0 or as no."""
    table = []
    keys = [k for k in KEYS if k not in POOLED]
    for values, part in data.groupby(keys, sort=False):
        how = dict(zip(keys, values, strict=True))
        n, energy = how.pop("n"), how.pop("energy")
        for pose in POSES:
            table.append(how | {"pose": pose} | figures(pooled(part), pose, int(n), energy))
    return pd.DataFrame(table)


def pooled(part: pd.DataFrame) -> pd.DataFrame:
    """A line a pocket: the molecules of all seeds, in their order."""
    part = part.drop_duplicates(["pocket", "seed"], keep="last").sort_values("seed", kind="stable")
    added = dict.fromkeys(("valid", "atoms", "connected", "smiles", "sampling", "figures"), "sum")
    return part.groupby("pocket", sort=False).agg(added).reset_index()


def figures(part: pd.DataFrame, pose: str, n: int, energy: bool) -> dict:
    """Figures of one line of the table.

    Args:
        part: lines, one a pocket.
        pose: of `POSES`.
        n: molecules of a line; 1 for the reference.
        energy: whether the energy ratio was looked at.
    """
    flat = [one for many in part["figures"] for one in many]

    def values(key: str) -> np.ndarray:
        return np.array([np.nan if one.get(key) is None else float(one[key]) for one in flat])

    def made(key: str) -> np.ndarray:
        return np.array([value for many in part[key] for value in many], float)

    def middle(key: str, what=np.nanmedian, digits: int = 2) -> float:
        found = values(key)
        return round(float(what(found)), digits) if np.isfinite(found).any() else float("nan")

    score = values(f"vina_score_{pose}")
    zero = np.nan_to_num(score)
    busted = np.nan_to_num(values(f"pb_valid_{pose}"))
    whole = busted * np.nan_to_num(values(f"energy_{pose}"))
    smiles = [valid_of(s, v) for s, v in zip(part["smiles"], part["valid"], strict=True)]
    cpu = {key: sum(one["cpu"].get(key, 0.0) for one in flat) for key in ("maps", "relax", "vina", "posebusters")}
    return {
        "pockets": len(part),
        "molecules": len(flat),
        "connected": round(100 * made("connected").mean(), 1),
        "strict_heavy": round(100 * made("valid").mean(), 1),
        "pb_valid": round(100 * busted.mean(), 1),
        "pb_valid_all": round(100 * whole.mean(), 1) if energy else float("nan"),
        "clashes": middle(f"clashes_{pose}", np.nanmean),
        "strain_median": middle(f"strain_{pose}", digits=1),
        "strained": int(np.isfinite(values(f"strain_{pose}")).sum()),
        "vina_mean": round(float(zero.mean()), 2),
        "vina_median": round(float(np.median(zero)), 2),
        "vina_above_0": round(100 * float((zero > 0).mean()), 1),
        "vina_minimised_median": round(float(np.median(np.nan_to_num(values(f"vina_minimised_{pose}")))), 2),
        "unscorable": int(np.isnan(score).sum()),
        "efficiency": middle(f"ligand_efficiency_{pose}", digits=3),
        "qed": middle("qed", np.nanmean, 3),
        "sa": middle("sa", lambda v: (10 - np.nanmean(v)) / 9, 3),  # as published tables have it: 1 is easy
        "usual_rings": round(100 * sum(usual(one) for many in smiles for one in many) / len(flat), 1),
        "novelty": novelty(smiles),
        "diversity": diversity(smiles, n),
        "atoms": round(float(made("atoms").mean()), 1),
        "sampling_s": round(float(part["sampling"].sum() / len(flat)), 2),
        "figures_s": round(sum(cpu.values()) / len(flat), 2),
    }


def valid_of(smiles: Sequence[str], valid: Sequence[bool]) -> list[str]:
    """Those of the valid ones."""
    return [one for one, ok in zip(smiles, valid, strict=True) if ok]


@cache
def usual(smiles: str) -> bool:
    """Whether a molecule has no ring system that is rare among drug-like molecules."""
    mol = Chem.MolFromSmiles(smiles)
    return mol is not None and not rare(mol)


def large(smiles: str) -> bool:
    """Whether a molecule has a ring of seven or more atoms."""
    mol = Chem.MolFromSmiles(smiles)
    return mol is not None and any(len(ring) > 6 for ring in mol.GetRingInfo().AtomRings())


@cache
def trained() -> np.ndarray:
    """Hashes of the training molecules of the bundled model."""
    return read_training(HERE.parents[1] / "molediff" / "weights" / "pocket" / "train_hashes.npy")["train_hashes"]


def novelty(pockets: Sequence[Sequence[str]]) -> float:
    """Per cent of the valid molecules that the bundled model was not trained on, by InChIKey without stereo."""
    keys = [inchikey(one) for smiles in pockets for one in smiles]
    return round(100 * (1 - float(in_training(keys, trained()).mean())), 1)


def diversity(pockets: Sequence[Sequence[str]], n: int) -> float:
    """1 - mean Tanimoto (Morgan, radius 2, 2048 bits) of the valid molecules of a pocket, averaged over pockets.

    NaN for the reference, of which there is one a pocket.
    """
    if n < 2:
        return float("nan")
    maker, out = rdFingerprintGenerator.GetMorganGenerator(2, fpSize=2048), []
    for smiles in pockets:
        mols = [m for s in smiles if s and (m := Chem.MolFromSmiles(s)) is not None]
        prints = [maker.GetFingerprint(m) for m in mols]
        alike = [s for k, p in enumerate(prints) for s in DataStructs.BulkTanimotoSimilarity(p, prints[:k])]
        if alike:
            out.append(1 - float(np.mean(alike)))
    return round(float(np.mean(out)), 3) if out else float("nan")


if __name__ == "__main__":
    main()
