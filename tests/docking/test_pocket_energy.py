"""Energy of molecules in the making: types against the bench's, energy against its Vina."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rdkit import Chem

from molediff.chem import from_rdkit
from molediff.docking.pocket_energy import PocketEnergy, soft_types
from molediff.docking.torch_vina.energy import Pairs
from molediff.docking.torch_vina.typing import TYPES, ligand_types
from molediff.elements import Vocabulary

HEAVY = Vocabulary(("C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I"), (0, -1, 1))
SMILES = (
    "CC(=O)Nc1ccc(O)cc1", "CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C[N+](C)(C)CCO", "CCN(CC)CC",
    "OC(=O)C[NH3+]", "c1ccc2[nH]ccc2c1", "C1CCNCC1", "N#Cc1ccncc1", "[O-]C(=O)c1ccc(Cl)cc1F", "BrC=CI",
    "CSCC(N)C(=O)O", "O=P(O)(O)OCC", "NC(=[NH2+])c1ccccc1", "Cc1nnc(N)s1", "O=C1CCCN1", "COc1ccc2c(c1)OCO2",
    "NS(=O)(=O)c1ccccc1",
)  # fmt: skip


def heavy(smiles: str):
    mol = Chem.MolFromSmiles(smiles)
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(np.random.default_rng(0).normal(scale=2, size=(mol.GetNumAtoms(), 3)))
    mol.AddConformer(conformer)
    return mol


@pytest.fixture(scope="module")
def batch():
    return from_rdkit([heavy(s) for s in SMILES], HEAVY)[0]


def test_types_are_those_of_the_bench(batch):
    found = soft_types(batch.atom, batch.charge, batch.bond, batch.mask, HEAVY)
    right = total = 0
    for k, smiles in enumerate(SMILES):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        wanted = ligand_types(mol)[: int(batch.sizes[k])]
        right += int((found[k, : len(wanted)] == wanted).sum())
        total += len(wanted)
        assert (found[k, len(wanted) :] == -1).all()
    assert right / total >= 0.95, f"{right} of {total}"


def energy_of(m: int = 60, **settings) -> PocketEnergy:
    g = torch.Generator().manual_seed(3)
    pos = torch.randn(m, 3, generator=g)
    pos = pos / pos.norm(dim=-1, keepdim=True) * (4 + 3 * torch.rand(m, 1, generator=g))
    return PocketEnergy(pos, torch.randint(len(TYPES), (m,), generator=g), HEAVY, **settings)


def test_energy_is_vinas(batch):
    energy, x = energy_of(), batch
    found = energy(x.pos.double(), x.atom, x.charge, x.bond, x.mask)
    types = soft_types(x.atom, x.charge, x.bond, x.mask, HEAVY)
    for k, n in enumerate(x.sizes.tolist()):
        pairs = Pairs.of(types[k, :n, None], energy.types)
        d2 = (x.pos[k, :n, None].double() - energy.pos.double()).square().sum(-1)
        assert found[k] == pytest.approx(float(pairs.energy(d2).sum()), rel=1e-6)


def test_clashes_cost_and_only_clashes(batch):
    plain, strict = energy_of(), energy_of(clash=10.0)
    arguments = (batch.atom, batch.charge, batch.bond, batch.mask)
    far = batch.pos + torch.tensor([40.0, 0, 0])
    assert torch.equal(plain(far, *arguments), strict(far, *arguments))
    assert (strict(batch.pos * 2, *arguments) > plain(batch.pos * 2, *arguments)).any()


def test_gradient_goes_downhill(batch):
    energy, arguments = energy_of(clash=5.0), (batch.atom, batch.charge, batch.bond, batch.mask)
    pos = (batch.pos * 1.5).double().requires_grad_(True)
    before = energy(pos, *arguments)
    (gradient,) = torch.autograd.grad(before.sum(), pos)
    step = 1e-4 / gradient.norm(dim=-1).amax().clamp(min=1)
    after = energy(pos - step * gradient, *arguments)
    assert (after <= before + 1e-9).all() and (after < before).any()
    assert (gradient[~batch.mask] == 0).all()
