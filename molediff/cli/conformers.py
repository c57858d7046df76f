"""molediff conformers"""

from __future__ import annotations

import argparse
from pathlib import Path

from molediff.cli import options
from molediff.config import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    parser.add_argument("molecules", nargs="+", help="SMILES, or .smi, .csv and .sdf files")
    parser.add_argument("--n", type=int, default=20, help="conformers a molecule (default 20)")
    options.add_sampling(parser)
    options.add_model(parser)
    options.add_output(parser, "conformers")


def run(args: argparse.Namespace) -> int:
    """Make conformers, write, report."""
    from molediff.pipelines import Conformers

    options.set_threads(args)
    device = options.device_of(args.device)
    molecules, smiles = read(args.molecules)
    pipeline = Conformers.from_pretrained(args.model, device)
    if args.compile:
        pipeline.model.compile_network()
    asked = {"n": args.n, **options.sampling(args)}
    decisive = {
        **asked,
        "checksum": pipeline.model.source.checksum,
        "device": device,
        "compile": args.compile,
        "molecules": smiles,
    }
    work = options.begin_run(args, decisive, model=pipeline.model.source.name)
    if work.status is not None:
        return work.status
    bar = options.progress_bar(len(molecules) * args.n, args.quiet)
    result = pipeline(molecules, progress=bar, parts=work.parts, **asked)
    result.save(args.out)
    good, total = int(result.table.as_asked.sum()), len(result.table)
    seconds = work.finish({"requested": total, "as_asked": good}, good < total, evaluations=result.about["evaluations"])
    print(f"conformers requested  {total}")
    for k in [k for k, mol in enumerate(result.mols) if mol is None]:
        row = result.table[result.table.molecule == k].iloc[0]
        print(f"refused               molecule {k} (from 0): {row['reason']}")
    print(f"graph and stereo as asked  {good} ({100 * good / total:.1f} %)")
    print(f"seconds               {seconds:.1f}")
    print(f"written to            {args.out}")
    return work.status


def read(given: list[str]) -> tuple[list, list[str]]:
    """Molecules, and SMILES to know them by, from SMILES and files.

    Raises:
        UserError: for a file that is not there or holds no record.
    """
    from rdkit import Chem

    from molediff.docking.ligands import FORMATS, read_library

    molecules: list = []
    for text in given:
        path = Path(text)
        if FORMATS.get(path.suffix.lower()) is None:
            molecules.append(text)
            continue
        if not path.is_file():
            raise UserError(f"There is no file '{text}'.")
        if FORMATS[path.suffix.lower()] == "sdf":
            try:
                found = list(Chem.SDMolSupplier(text, removeHs=False))
            except OSError:  # an empty file
                found = []
            if not found:
                raise UserError(f"'{text}' holds no record. Give an SD file with molecules.")
            molecules += [
                unreadable(f"record {k} of '{path.name}'") if mol is None else mol for k, mol in enumerate(found, 1)
            ]
        else:
            molecules += [row.smiles or row.name for row in read_library(path)]
    return molecules, [m if isinstance(m, str) else Chem.MolToSmiles(m) for m in molecules]


def unreadable(name: str):
    """A molecule without atoms that stands for a record which RDKit cannot read, so that its rows can say so."""
    from rdkit import Chem

    mol = Chem.Mol()
    mol.SetProp("_Name", name)
    return mol
