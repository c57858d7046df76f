"""Torch Vina against vina 1.2.7: agreement of scores, and quality and seconds of the search.

    python experiments/torch_vina/run.py agree  --data astex_diverse --receptors 24 --poses 12
    python experiments/torch_vina/run.py minimise --data astex_diverse --receptors 24 --poses 12
    python experiments/torch_vina/run.py search --data astex_diverse --receptors 8

``--data`` is the unpacked folder of astex_diverse.tar.xz. Rows are added to agree.csv, minimise.csv and search.csv;
complexes that are there already are skipped. result.csv is the summary of agree.csv.
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolAlign
from simple_receptor import pdbqt, simple_receptor

from molediff.docking.ligand import Ligand
from molediff.docking.settings import DockConfig
from molediff.docking.site import Site
from molediff.docking.torch_vina.energy import LigandTerms, ReceptorTerms, score

HERE = Path(__file__).parent


def complexes(data: Path, count: int) -> list[Path]:
    """``count`` folders spread over the sorted set."""
    folders = sorted(p for p in data.iterdir() if (p / "protein.pdb").exists())
    return [folders[i] for i in np.linspace(0, len(folders) - 1, min(count, len(folders))).round().astype(int)]


def ligand_of(folder: Path) -> Chem.Mol:
    return Chem.AddHs(Chem.MolFromMolFile(str(folder / "ligand.sdf")), addCoords=True)


def oracle(receptor, centre, size: float, spacing: float = 0.375):
    """A Vina object with maps, as docking.md has it."""
    from vina import Vina

    vina = Vina(sf_name="vina", seed=7, cpu=1, verbosity=0)
    path = HERE / "receptor.pdbqt"
    path.write_text(pdbqt(receptor))
    vina.set_receptor(str(path))
    path.unlink()
    vina.compute_vina_maps(center=list(centre), box_size=[size] * 3, spacing=spacing)
    return vina


def ligand_pdbqt(mol: Chem.Mol) -> str:
    from meeko import MoleculePreparation, PDBQTWriterLegacy

    text, ok, error = PDBQTWriterLegacy.write_string(MoleculePreparation(rigid_macrocycles=True).prepare(mol)[0])
    if not ok:
        raise RuntimeError(error)
    return text


def poses_of(mol: Chem.Mol, count: int, rng: np.random.Generator) -> list[Chem.Mol]:
    """The crystal pose, then half crystal poses moved and turned a little, half other conformers put near it."""
    centre = mol.GetConformer().GetPositions().mean(0)
    made = [Chem.Mol(mol)]
    for k in range(1, count):
        new = Chem.Mol(mol)
        if k % 2:
            AllChem.EmbedMolecule(new, randomSeed=k)
        x = new.GetConformer().GetPositions() - new.GetConformer().GetPositions().mean(0)
        spread = 3.0 if k % 2 else 0.4
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] if k % 2 else np.eye(3)
        turn *= np.sign(np.linalg.det(turn))
        new.GetConformer().SetPositions(np.round(x @ turn.T + centre + rng.normal(size=3) * spread, 3))
        made.append(new)
    return made


def agree(folder: Path, count: int) -> list[dict]:
    """Scores of ``count`` poses by both."""
    receptor, mol = simple_receptor(folder / "protein.pdb"), ligand_of(folder)
    rng = np.random.default_rng(sum(map(ord, folder.name)))
    vina = oracle(receptor, mol.GetConformer().GetPositions().mean(0), 40.0, 1.0)
    protein, rows = ReceptorTerms.of(receptor), []
    for k, pose in enumerate(poses_of(mol, count, rng)):
        vina.set_ligand_from_string(ligand_pdbqt(pose))
        total, inter, *_, intra, _, _ = (float(e) for e in vina.score())
        terms, pos = LigandTerms.of(pose), torch.tensor(pose.GetConformer().GetPositions().round(3))[None]
        ours, smooth = score(pos, terms, protein), score(pos, terms, protein, table=False)
        rows.append({
            "complex": folder.name, "pose": k, "vina": total, "torch": round(ours.total.item(), 4),
            "inter": inter, "torch_inter": round(ours.inter.item(), 4), "intra": intra,
            "torch_intra": round(ours.intra.item(), 4), "torch_smooth": round(smooth.total.item(), 4),
        })  # fmt: skip
    return rows


def minimise(folder: Path, count: int) -> list[dict]:
    """Scored where they are and minimised by both, as `molediff score` does: by torch together and one by one."""
    from molediff.docking.engines import scorer

    receptor, mol = simple_receptor(folder / "protein.pdb"), ligand_of(folder)
    rng = np.random.default_rng(sum(map(ord, folder.name)))
    site = Site(mol.GetConformer().GetPositions().mean(0), np.full(3, 29.0), "ligand")
    poses, config = poses_of(mol, count, rng), DockConfig(seed=1)
    found, seconds = {}, {}
    for name in ("vina", "torch"):
        pocket = scorer(name)(receptor, site, config)
        pocket.scores(poses[:1])  # maps
        began = time.process_time()
        found[name] = pocket.scores(poses)
        seconds[name] = (time.process_time() - began) / len(poses)
    began = time.process_time()
    for pose in poses:
        pocket.scores([pose])
    seconds["torch_alone"] = (time.process_time() - began) / len(poses)
    rows = []
    for k, (pose, a, b) in enumerate(zip(poses, found["vina"], found["torch"], strict=True)):
        row = {"complex": folder.name, "pose": k, "heavy": pose.GetNumHeavyAtoms()}
        row |= {"vina": a if isinstance(a, str) else round(a.score, 4), "torch": b if isinstance(b, str) else b.score}
        if isinstance(a, str) or isinstance(b, str):
            rows.append(row | dict.fromkeys(["vina_min", "torch_min", "apart", *(f"{n}_s" for n in seconds)]))
            continue
        apart = np.sqrt(((a.places - b.places) ** 2).sum(1).mean())
        row |= {"torch": round(b.score, 4), "vina_min": round(a.minimised, 4), "torch_min": round(b.minimised, 4)}
        rows.append(row | {"apart": round(float(apart), 3)} | {f"{n}_s": round(v, 4) for n, v in seconds.items()})
    return rows


def rmsd(mol: Chem.Mol, conformer: int, reference: Chem.Mol) -> float:
    probe = Chem.RemoveHs(Chem.Mol(mol, confId=conformer))
    return rdMolAlign.CalcRMS(probe, Chem.RemoveHs(reference))


def search(folder: Path, exhaustiveness: int) -> list[dict]:
    """One ligand docked by both from the same RDKit conformer in a 25 A box, by torch with two seeds."""
    from molediff.docking.torch_vina import dock_torch
    from molediff.docking.torch_vina.maps import site_maps

    receptor, crystal = simple_receptor(folder / "protein.pdb"), ligand_of(folder)
    centre = crystal.GetConformer().GetPositions().mean(0)
    start = Chem.Mol(crystal)
    AllChem.EmbedMolecule(start, randomSeed=1)
    AllChem.MMFFOptimizeMolecule(start)
    began = time.process_time()
    vina = oracle(receptor, centre, 25.0)
    maps = time.process_time() - began
    placed = Chem.Mol(start)
    x = start.GetConformer().GetPositions()
    placed.GetConformer().SetPositions(x - x.mean(0) + centre)
    vina.set_ligand_from_string(ligand_pdbqt(placed))
    began = time.process_time()
    vina.dock(exhaustiveness=exhaustiveness, n_poses=9)
    seconds = time.process_time() - began
    best = float(vina.energies(n_poses=1)[0][0])
    site = Site(np.asarray(centre), np.full(3, 25.0), "ligand")
    began = time.process_time()
    types = LigandTerms.of(start).types
    site_maps(receptor, site).table(types[types >= 0].unique().tolist())
    torch_maps = time.process_time() - began
    rows = []
    for seed in (0, 1):
        config = DockConfig(exhaustiveness=exhaustiveness, conformers=0, seed=seed)
        ours = dock_torch(receptor, site, Ligand(0, folder.name, start), config)
        errors = [rmsd(ours.poses, c.GetId(), crystal) for c in ours.poses.GetConformers()] if ours.poses else [np.nan]
        rows.append({
            "complex": folder.name, "rotors": LigandTerms.of(crystal).tree.rotors, "exhaustiveness": exhaustiveness,
            "seed": seed, "vina": round(best, 3), "torch": round(ours.scores[0], 3),
            "vina_seconds": round(seconds, 1), "torch_seconds": round(ours.seconds, 1),
            "vina_maps": round(maps, 2), "torch_maps": round(torch_maps, 2),
            "torch_rmsd": round(errors[0], 2), "torch_best_of_9": round(min(errors), 2),
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("agree", "minimise", "search"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--receptors", type=int, default=24)
    parser.add_argument("--poses", type=int, default=12)
    parser.add_argument("--names", default="", help="complexes by name, comma between, instead of --receptors")
    parser.add_argument("--exhaustiveness", type=int, default=8)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    out = args.out or HERE / f"{args.what}.csv"
    done = {row["complex"] for row in csv.DictReader(out.open())} if out.exists() else set()
    named = [args.data / name for name in args.names.split(",") if name]
    for folder in named or complexes(args.data, args.receptors):
        if folder.name in done:
            continue
        if args.what == "search":
            rows = search(folder, args.exhaustiveness)
        else:
            rows = (agree if args.what == "agree" else minimise)(folder, args.poses)
        fresh = not out.exists()
        with out.open("a", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            if fresh:
                writer.writeheader()
            writer.writerows(rows)
        print(rows[-1], flush=True)
    if args.what == "agree":
        summarise(list(csv.DictReader(out.open())))


def summarise(table: list[dict]) -> None:
    """result.csv: a row a receptor, and one for all; kcal/mol."""
    rows = []
    for name in [*dict.fromkeys(r["complex"] for r in table), "all"]:
        own = [r for r in table if name in (r["complex"], "all")]
        row = {"complex": name, "poses": len(own)}
        for column, theirs in (("torch", "vina"), ("torch_inter", "inter"), ("torch_intra", "intra")):
            error = np.array([abs(float(r[theirs]) - float(r[column])) for r in own])
            row |= {
                f"{column}_worst": round(float(error.max()), 4),
                f"{column}_median": round(float(np.median(error)), 4),
            }
        negative = [abs(float(r["vina"]) - float(r["torch_smooth"])) for r in own if float(r["vina"]) < 0]
        row["smooth_worst_below_0"] = round(max(negative, default=float("nan")), 4)
        rows.append(row)
    with (HERE / "result.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    print(rows[-1])


if __name__ == "__main__":
    main()
