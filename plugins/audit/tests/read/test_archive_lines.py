"""Archives whose lines are not what they seem."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from flowstone_audit import archive, archive_check, retention
from flowstone_audit.archive_form import ArchiveBroken
from flowstone_audit.canonical import leaf_hash
from plugins.audit.tests.read.test_archive import seal, the_key, write


def test_an_archive_has_what_it_shows(unsealed: str, tmp_path: Path) -> None:
    """Lines that prove something and show nothing, or something else, are refused, though the tree is right."""
    write(6, client_ip="10.0.0.1")
    seal()
    path, forged = tmp_path / "archive.jsonl", tmp_path / "forged.jsonl"
    with retention.snapshot() as connection:
        archive.write(path, connection)
    head, *lines = path.read_bytes().splitlines(keepends=True)
    holes = [hole(line) for line in lines]
    all_holes = head.replace(b'"rows":6,"holes":0', b'"rows":0,"holes":6')
    assert head != all_holes
    row = lines[2].decode()
    forgeries: list[list[Any]] = [
        [head, *holes],
        [all_holes, *holes],
        [head, *lines[:-1], holes[-1]],
        [head, row.replace("ann", "bob").replace("}\n", f',"hash":"{json.loads(holes[2])["hash"]}"}}\n')],
        [
            head,
            row.replace(
                '{"leaf"', f'{{"row":{json.dumps(json.loads(row)["row"]).replace("ann", "bob")},"leaf"'
            ),
        ],
        [head, row.replace('"private"', '"note":"true","private"')],
        [head, row.replace('"leaf":2', '"leaf":2.0')],
        [head.replace(b'"private":true', b'"private":false'), *lines],
        [head.replace(b'"rows":6', b'"rows":7,"rows":6'), *lines],
        [head.replace(b'"rows":6', b'"rows":6,"approved":true'), *lines],
    ]
    for number, one in enumerate(forgeries):
        made = [each.encode() if isinstance(each, str) else each for each in one]
        if len(made) == 2:
            made = [head, *lines[:2], made[1], *lines[3:]]
        forged.write_bytes(b"".join(made))
        with pytest.raises(ArchiveBroken):
            pytest.fail(f"{number}: {archive_check.check(forged, [the_key()])}")
    assert 6 == archive_check.check(path, [the_key()]).header.rows


def hole(line: bytes) -> bytes:
    """Return the line of a hole for that of a row."""
    values = json.loads(line)
    text = json.dumps(values["row"], ensure_ascii=False, separators=(",", ":")).encode()
    leaf = leaf_hash(sha256(text).digest(), values["seq"], values["inserted_at"])
    return json.dumps({"leaf": values["leaf"], "hash": leaf.hex()}, separators=(",", ":")).encode() + b"\n"
