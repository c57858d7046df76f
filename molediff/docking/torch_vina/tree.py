"""The rigid fragments of a ligand and what Vina makes of them: torsions, internal pairs, number of rotors.

Which bonds turn follows Meeko 0.8 (rings rigid), so that scores can be compared with those of a PDBQT file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from rdkit import Chem

from molediff.docking.torch_vina.typing import ligand_types


@dataclass(frozen=True)
class Tree:
    """Fragments of a molecule of N atoms, the root first, parents before children."""

    members: tuple[tuple[int, ...], ...]
    """Atoms of each fragment: heavy atoms and polar hydrogens in the order of a PDBQT file, then carbon's hydrogens."""
    parent: tuple[int, ...]
    """Fragment each hangs on; -1 for the root."""
    axis: tuple[tuple[int, int], ...]
    """(atom of the parent, atom of the fragment) of the bond each turns about; (-1, -1) for the root."""
    pairs: tuple[tuple[int, int], ...]
    """Scored pairs of heavy atoms within the ligand."""
    rotors: float
    """Vina's count: a bond to a terminal heavy atom (as of C-OH) counts one half."""

    @cached_property
    def fragment_of(self) -> dict[int, int]:
        """Atom -> fragment."""
        return {a: f for f, atoms in enumerate(self.members) for a in atoms}

    def moved(self, fragment: int) -> list[int]:
        """Atoms that turn with the bond of ``fragment``: its own and those of all that hangs on it."""
        inside = {fragment}
        for f in range(fragment + 1, len(self.members)):
            if self.parent[f] in inside:
                inside.add(f)
        return [a for f in sorted(inside) for a in self.members[f]]


def torsion_tree(mol: Chem.Mol) -> Tree:
    """Fragments, pairs and rotors.

    Args:
        mol: hydrogens explicit, one fragment.

    Raises:
        UserError: for an element Vina has no parameters for.
    """
    types = ligand_types(mol).tolist()
    apolar = {a.GetIdx() for a in mol.GetAtoms() if a.GetAtomicNum() == 1 and not _is_polar(a)}
    groups, edges, axes = _walk(mol, rotatable_bonds(mol), apolar)
    root = _root(groups, edges)
    _merge_single_atoms(groups, edges, root)
    order, parent = _depth_first(edges, root)
    place = {g: i for i, g in enumerate(order)}
    axis = [(-1, -1) if p < 0 else axes[p, g] for g, p in zip(order, parent, strict=True)]
    members = [
        sorted(groups[g]) if g == root else [a[1], *(m for m in groups[g] if m != a[1])]
        for g, a in zip(order, axis, strict=True)
    ]
    parents = [-1 if p < 0 else place[p] for p in parent]
    rotor = {frozenset(a) for a in axis[1:]}
    bonded = _neighbours(mol, _internal_order(members, axis))
    pairs = _pairs(types, members, axis, bonded)
    for h in apolar:
        host = mol.GetAtomWithIdx(h).GetNeighbors()[0].GetIdx()
        next(m for m in members if host in m).append(h)
    return Tree(tuple(map(tuple, members)), tuple(parents), tuple(axis), tuple(pairs), _rotors(mol, rotor))


def _is_polar(hydrogen: Chem.Atom) -> bool:
    return any(n.GetAtomicNum() in (7, 8, 9, 15, 16) for n in hydrogen.GetNeighbors())


def rotatable_bonds(mol: Chem.Mol) -> set[frozenset[int]]:
    """Single bonds outside rings that are no amide's, amidine's or nitrile's (Meeko's rule), terminal ones included.

    A tertiary amide with unlike substituents turns; of X-C#C-X the triple bond turns instead of its neighbours.
    """

    def matches(smarts: str) -> list[tuple[int, ...]]:
        return list(mol.GetSubstructMatches(Chem.MolFromSmarts(smarts), maxMatches=100_000))

    found = {
        frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))
        for b in mol.GetBonds()
        if b.GetBondType() == Chem.BondType.SINGLE
    }
    rigid = {frozenset(m[:2]) for m in matches("[NX3]-[CX3]=[O,N,S]")}
    rank = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    for n, one, two, c, _ in matches("[NX3]([!#1])([!#1])-[CX3]=[O,N,S]"):
        if rank[one] != rank[two]:
            rigid.discard(frozenset((n, c)))
    turning = set()
    for i, j, k, m in matches("[*]-[*]#[*]-[*]"):
        rigid |= {frozenset((i, j)), frozenset((k, m))}
        turning.add(frozenset((j, k)))
    rigid |= {frozenset(m[:2]) for m in matches("[*]-[*]#[*X1]")}
    ring = {frozenset((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in mol.GetBonds() if b.IsInRing()}
    return ((found - rigid) | turning) - ring


def _walk(mol: Chem.Mol, turning: set[frozenset[int]], skip: set[int]):
    """Groups of atoms joined by rigid bonds, in the order in which Meeko walks the molecule.

    Returns:
        {group: atoms}, {group: neighbouring groups}, {(group, group): (atom of the first, atom of the second)}.
    """
    near = [[n.GetIdx() for n in a.GetNeighbors() if n.GetIdx() not in skip] for a in mol.GetAtoms()]
    groups: dict[int, list[int]] = {}
    edges: dict[int, list[int]] = {}
    axes: dict[tuple[int, int], tuple[int, int]] = {}
    seen: set[int] = set()
    stack: list[tuple[int, int, int]] = [(next(i for i in range(len(near)) if i not in skip), -1, -1)]
    while stack:
        start, above, host = stack.pop()
        if start in seen:
            continue
        me, atoms, sprouts = len(groups), [start], []
        seen.add(start)
        for current in atoms:  # grows while walked
            for n in near[current]:
                if n in seen:
                    continue
                if frozenset((current, n)) in turning:
                    sprouts.append((n, me, current))
                else:
                    atoms.append(n)
                    seen.add(n)
        groups[me], edges[me] = atoms, []
        if above >= 0:
            edges[above].append(me)
            edges[me].append(above)
            axes[above, me], axes[me, above] = (host, start), (start, host)
        stack += reversed(sprouts)
    return groups, edges, axes


def _merge_single_atoms(groups: dict[int, list[int]], edges: dict[int, list[int]], root: int) -> None:
    """A single atom at the end of a chain joins its neighbour: turning its bond would move nothing."""
    for g in [g for g, atoms in groups.items() if len(atoms) == 1 and len(edges[g]) == 1 and g != root]:
        host = edges.pop(g)[0]
        groups[host] += groups.pop(g)
        edges[host].remove(g)


def _root(groups: dict[int, list[int]], edges: dict[int, list[int]]) -> int:
    """The middle of the tree: leaves are taken away until one or two groups are left; of two, the larger."""
    left = {g: list(e) for g, e in edges.items()}
    while len(left) > 2:
        for leaf in [g for g, e in left.items() if len(e) == 1]:
            for e in left.values():
                if leaf in e:
                    e.remove(leaf)
            del left[leaf]
    first, *second = left
    return second[0] if second and len(groups[second[0]]) > len(groups[first]) else first


def _depth_first(edges: dict[int, list[int]], root: int) -> tuple[list[int], list[int]]:
    """Groups in the order of a PDBQT file, and the one each hangs on."""
    order, parent, stack = [], [], [(root, -1)]
    while stack:
        g, p = stack.pop()
        order.append(g)
        parent.append(p)
        stack += [(n, g) for n in reversed(edges[g]) if n != p]
    return order, parent


def _internal_order(members, axis) -> list[int]:
    """Vina's order of atoms: the first atom of a branch lies with its parent, right behind the atom it is bonded to."""
    order: list[int] = []

    def visit(f: int) -> None:
        order.extend(b for a in members[f] for b in ([a] if a != axis[f][1] else []) + [axis[c][1] for c in hung(a)])
        for a in members[f]:
            for c in hung(a):
                visit(c)

    def hung(atom: int) -> list[int]:
        return [c for c in range(1, len(members)) if axis[c][0] == atom]

    visit(0)
    return order


def _neighbours(mol: Chem.Mol, order: list[int]) -> dict[int, list[int]]:
    """Bonded atoms of each as Vina sees them, in Vina's order; the keys are in that order too.

    Vina finds bonds by distance and leaves out one that has an atom closer to both its ends: of a three-membered ring
    it does not see the longest side. Without a conformer all bonds are seen.
    """
    place, unseen = {a: i for i, a in enumerate(order)}, longest_sides(mol)
    near = {a: [n.GetIdx() for n in mol.GetAtomWithIdx(a).GetNeighbors() if n.GetIdx() in place] for a in order}
    return {a: sorted((n for n in near[a] if frozenset((a, n)) not in unseen), key=place.get) for a in order}


def longest_sides(mol: Chem.Mol) -> set[frozenset[int]]:
    """The longest side of every three-membered ring in the first conformer, where one is longer than both others."""
    if not mol.GetNumConformers():
        return set()
    pos, found = mol.GetConformer().GetPositions(), set()
    for ring in mol.GetRingInfo().AtomRings():
        if len(ring) == 3:
            sides = [(float(((pos[a] - pos[b]) ** 2).sum()), frozenset((a, b))) for a, b in combinations(ring, 2)]
            (_, _), (second, _), (longest, side) = sorted(sides, key=lambda s: s[0])
            if longest > second:
                found.add(side)
    return found


def _pairs(types: list[int], members, axis, bonded: dict[int, list[int]]) -> list[tuple[int, int]]:
    """Heavy atoms whose distance can change and that are more than three bonds apart.

    Two quirks are Vina's: a fragment carries along the atoms its rotatable bonds lead to; and 'three bonds apart' is a
    depth-first walk that never enters an atom twice, so small rings hide some of the atoms three bonds away.
    """
    rigid: set[frozenset[int]] = set()
    for f, atoms in enumerate(members):
        whole = {*atoms, *(a[1] for a in axis if a[0] in atoms), *([axis[f][0]] if f else [])}
        rigid |= {frozenset((a, b)) for a in whole for b in whole}
    pairs, order = [], list(bonded)
    for i, a in enumerate(order):
        if types[a] < 0:
            continue
        near: list[int] = []
        _within(a, 3, bonded, near)
        pairs += [(a, b) for b in order[i + 1 :] if types[b] >= 0 and b not in near and frozenset((a, b)) not in rigid]
    return pairs


def _within(atom: int, bonds: int, bonded: dict[int, list[int]], found: list[int]) -> None:
    if atom in found:
        return
    found.append(atom)
    if bonds:
        for n in bonded[atom]:
            _within(n, bonds - 1, bonded, found)


def _rotors(mol: Chem.Mol, rotor: set[frozenset[int]]) -> float:
    """Half the number of (heavy atom, turning bond to a heavy atom with another heavy neighbour)."""
    heavy = [sum(n.GetAtomicNum() > 1 for n in a.GetNeighbors()) for a in mol.GetAtoms()]
    ends = [pair for bond in rotor for pair in (tuple(bond), tuple(bond)[::-1])]
    is_heavy = [a.GetAtomicNum() > 1 for a in mol.GetAtoms()]
    return 0.5 * sum(is_heavy[a] and is_heavy[b] and heavy[b] > 1 for a, b in ends)
