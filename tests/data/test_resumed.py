"""The loop of preparations: which records are read, whatever an earlier call left."""

import pytest

from molediff.config import UserError
from molediff.data.resumed import Steps, beyond, check_call, in_parts, list_left_out


def keep(records, suffix):
    return [f"{record}{suffix}" for record in records]


def load(folder, number):
    return (folder / ".parts" / f"{number:06d}.npz").read_text().split()


def save(folder, number, part):
    (folder / ".parts" / f"{number:06d}.npz").write_text(" ".join(part))


def test_what_is_there_is_not_made_again_and_nothing_behind_the_last_part_is_read(tmp_path):
    taken, seen = [], []

    def records(start):
        for k in range(start, 100):
            taken.append(k)
            yield k

    manifest = {"records": 10, "chunk": 3}
    steps = Steps(keep, ("x",), save, load)
    whole = in_parts(tmp_path, manifest, records, steps, 1, lambda *done: seen.append(done))
    assert [one for part in whole for one in part] == [f"{k}x" for k in range(10)]
    assert taken == list(range(10)) and seen == [(0, 10), (3, 10), (6, 10), (9, 10), (10, 10)]
    for number in (1, 2):
        (tmp_path / ".parts" / f"{number:06d}.npz").unlink()
    taken.clear(), seen.clear()
    assert in_parts(tmp_path, manifest, records, steps, 1, lambda *done: seen.append(done)) == whole
    assert taken == [3, 4, 5, 6, 7, 8] and seen == [(4, 10), (7, 10), (10, 10)]
    taken.clear()
    assert in_parts(tmp_path, manifest, records, steps, 1) == whole and not taken
    with pytest.raises(UserError, match=r"with other arguments \(records: 10 there, 11 now\)"):
        in_parts(tmp_path, manifest | {"records": 11}, records, steps, 1)


@pytest.mark.parametrize(
    ("start", "found"),
    [(0, [(0, 0), (2, 0), (3, 0)]), (2, [(0, 2), (2, 0), (3, 0)]), (3, [(2, 0), (3, 0)]), (5, [(3, 1)]), (6, [])],
)
def test_sources_beyond_a_record(start, found):
    assert list(beyond([3, 0, 1, 2], start)) == found


def test_arguments_that_cannot_be(tmp_path):
    check_call(tmp_path, 255, None, 1)
    for arguments, words in (
        ((256, None, 1), "--max-atoms must be 1 to 255"),
        ((9, 0, 1), "--limit must be at least 1, got 0"),
        ((9, None, 0), "--workers must be at least 1, got 0"),
    ):
        with pytest.raises(UserError, match=words):
            check_call(tmp_path, *arguments)


def test_what_was_left_out_is_listed_and_counted_in_the_order_of_the_rules(tmp_path):
    rules = {"b": "too big", "a": "odd", "c": "never"}
    rows = [("s", 0, 0, "n", "a", "", None), ("s", 1, 1, "m, or", "b", "x", 3), ("s", 2, 2, "", "a", "", None)]
    assert list(list_left_out(tmp_path, rows, rules, 1, "molecules").items()) == [("b", 1), ("a", 2)]
    lines = (tmp_path / "left_out.csv").read_text().splitlines()
    assert lines[0] == "source,record,index,name,reason,detail,line" and lines[2] == 's,1,1,"m, or",b,x,3'
    with pytest.raises(UserError, match=r"None of the 3 molecules can be used: b 1 \(too big\); a 2 \(odd\)"):
        list_left_out(tmp_path, rows, rules, 0, "molecules")
