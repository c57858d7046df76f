"""`tensor_product`: e3nn's products as they should be, exact constants, bfloat16, torch.compile, the start."""

import subprocess
import sys

import torch
from e3nn import o3

from molediff.denoisers import TensorProduct, TensorProductConfig
from molediff.denoisers.convolution import Convolution, depthwise, irreps
from molediff.denoisers.precondition import atom_rho, c_skip
from molediff.geometry import centre, random_rotations
from molediff.model import Model, ModelConfig, SizePrior, load, save
from molediff.structures import Levels

SMALL = {"layers": 2, "width": 16, "scalars": 8, "vectors": 8, "tensors": 4, "hidden": 16, "radius": 3.0}
NOISY, CLEAN, SCALE = (6, 4, 5), (5, 3, 4), 1.7


def fresh(dtype=torch.float32) -> TensorProduct:
    torch.manual_seed(0)
    return TensorProduct(TensorProductConfig(**SMALL), NOISY, CLEAN, SCALE).to(dtype)


def in_float32(world):
    levels = Levels(*(getattr(world.levels, f).float() for f in ("pos", "atom", "charge", "bond")))
    return world.noisy.to(torch.float32), levels, world.condition


def test_it_starts_at_the_skip(world):
    """The move is zero at first: the estimate is c_skip times the input, centred."""
    w = world((7, 5), "nothing")
    out = fresh(torch.float64)(w.noisy, w.levels, w.condition)
    want = c_skip(atom_rho(w.levels, w.condition), SCALE) * w.noisy.pos
    torch.testing.assert_close(out.pos, centre(want, w.noisy.mask), rtol=0, atol=1e-12)


def test_every_parameter_learns(world):
    network = fresh(torch.float64)
    for layer in network.layers:
        torch.nn.init.normal_(layer.move.weight)
        torch.nn.init.normal_(layer.modulate.weight)
    w = world((7, 5), "graph")
    out = network(w.noisy, w.levels, w.condition)
    (out.pos.square().sum() + sum(x.square().sum() for x in (out.atom, out.charge, out.bond))).backward()
    # the last layer's tensors are read by nobody
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert silent == ["layers.1.mix_tensors.weight"], silent


def test_paths_are_those_that_parity_allows():
    product = depthwise(irreps((3, 2, 1)), o3.Irreps.spherical_harmonics(2))
    kinds = {(str(i.i_in1), str(i.i_in2)) for i in product.instructions}
    assert len(product.instructions) == 11  # 1e, 2o and the like are left out
    assert len(kinds) == 9
    assert product.weight_numel == 3 * 3 + 4 * 2 + 4 * 1
    assert {instruction.connection_mode for instruction in product.instructions} == {"uvu"}


def test_messages_are_the_sum_over_neighbours():
    """Against loops over the edges, the products by e3nn's full Clebsch-Gordan arrays."""
    g = torch.Generator().manual_seed(1)
    convolution = Convolution((2, 2, 2), (2, 2, 2)).double()
    x = torch.randn(3, 18, generator=g, dtype=torch.float64)
    edges = torch.tensor([[1, 2, 0, 1], [0, 0, 1, 2]])
    unit = 0.9 * torch.nn.functional.normalize(torch.randn(4, 3, generator=g, dtype=torch.float64), dim=-1)
    weights = torch.randn(4, convolution.weight_count, generator=g, dtype=torch.float64)
    share = torch.rand(3, 1, generator=g, dtype=torch.float64)
    harmonics = o3.spherical_harmonics([0, 1, 2], unit, normalize=False, normalization="component")
    total = torch.zeros(3, convolution.product.irreps_out.dim, dtype=torch.float64)
    for k, (sender, receiver) in enumerate(edges.t().tolist()):
        total[receiver] += by_hand(convolution.product, x[sender], harmonics[k], weights[k])
    want = convolution.mix(total * share)
    torch.testing.assert_close(convolution(x, edges, unit, weights, share), want, rtol=0, atol=1e-12)


def by_hand(product: o3.TensorProduct, x, y, w) -> torch.Tensor:
    out = torch.zeros(product.irreps_out.dim, dtype=torch.float64)
    a, b, c = (irreps_.slices() for irreps_ in (product.irreps_in1, product.irreps_in2, product.irreps_out))
    used = 0
    for i in product.instructions:
        channels, kind = product.irreps_in1[i.i_in1]
        left = x[a[i.i_in1]].view(channels, kind.dim)
        result = product.irreps_out[i.i_out].ir
        cg = o3.wigner_3j(kind.l, product.irreps_in2[i.i_in2].ir.l, result.l, dtype=torch.float64)
        value = torch.einsum("ui,j,ijk,u->uk", left, y[b[i.i_in2]], cg, w[used : used + channels])
        used += channels
        out[c[i.i_out]] += (i.path_weight * value).flatten()
    return out


def turned(network, w):
    g = torch.Generator().manual_seed(9)
    turn = random_rotations(len(w.noisy), g, torch.float64)
    before = network(w.noisy, w.levels, w.condition)
    after = network(w.noisy.replace(pos=w.noisy.pos @ turn), w.levels, w.condition)
    return (before.atom - after.atom).abs().max().item(), before


def test_constants_stay_exact(world, tmp_path):
    """Through float32, float16 files and state dicts; cast Clebsch-Gordan coefficients break rotations at 1e-8."""
    w = world((7, 5), "nothing")
    network = fresh().half().float().double()
    assert turned(network, w)[0] < 1e-12
    assert not [name for name in network.state_dict() if "w3j" in name or "output_mask" in name]
    model = Model(ModelConfig(denoiser="tensor_product", network=SMALL), SizePrior({5: 1}))
    again = load(save(model, tmp_path / "model", {})).denoiser.double()
    w = world((7, 5), "nothing")
    noisy = w.noisy.replace(atom=w.noisy.atom % 5, charge=w.noisy.charge % 3, bond=w.noisy.bond % 4)
    w = type(w)(noisy, w.levels, w.condition)
    assert turned(again, w)[0] < 1e-12
    for module in again.modules():
        for name, held in module.named_buffers(recurse=False):
            if "_w3j_" in name:  # spoilt on purpose: the test above can fail
                setattr(module, name, held.float().double())
    assert turned(again, w)[0] > 1e-11


def test_bfloat16_autocast(world):
    """Perceptrons in bfloat16, geometry in float32: finite, near the float32 estimate, gradients too."""
    network = fresh()
    for layer in network.layers:
        torch.nn.init.normal_(layer.move.weight)
    inputs = in_float32(world((9, 7, 8), "graph"))
    seen = []
    network.layers[1].convolution.register_forward_hook(
        lambda _, given, result: seen.extend([given[0].dtype, given[3].dtype, result.dtype])
    )
    plain = network(*inputs)
    seen.clear()
    with torch.autocast("cpu", torch.bfloat16):
        out = network(*inputs)
    assert set(seen) == {torch.float32}
    assert (out.pos.dtype, out.atom.dtype) == (torch.float32, torch.bfloat16)
    for name in ("pos", "atom", "charge", "bond"):
        a, b = getattr(out, name).float(), getattr(plain, name)
        assert (a - b).abs().max() < 0.05 * b.abs().max().clamp(min=1), name
    (out.pos.square().sum() + out.bond.float().square().sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_compiled_is_the_same():
    """e3nn's products on torch_geometric's messages, forward and backward, one graph for every number of edges.

    The whole network gives the same numbers too (experiments/speed), but takes a minute to trace.
    """
    convolution = Convolution((4, 4, 2), (4, 4, 2)).double()
    compiled = torch.compile(convolution, dynamic=True, backend="aot_eager", fullgraph=True)
    g = torch.Generator().manual_seed(2)
    for atoms, count in ((5, 17), (7, 30), (9, 11)):
        x = torch.randn(atoms, 26, generator=g, dtype=torch.float64, requires_grad=True)
        edges = torch.randint(atoms, (2, count), generator=g)
        unit, weights, share = (
            torch.randn(*shape, generator=g, dtype=torch.float64)
            for shape in ((count, 3), (count, convolution.weight_count), (atoms, 1))
        )
        results, gradients = [], []
        for f in (convolution, compiled):
            results.append(f(x, edges, unit, weights, share))
            gradients.append(torch.autograd.grad(results[-1].square().sum(), x)[0])
        for pair in (results, gradients):
            torch.testing.assert_close(*pair, rtol=1e-12, atol=1e-12)


def test_the_others_do_not_import_e3nn():
    script = (
        "import sys; from molediff.model import Model, ModelConfig, SizePrior; Model(ModelConfig(), SizePrior());"
        "print([m for m in ('e3nn', 'torch_geometric') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
