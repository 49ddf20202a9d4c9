from __future__ import annotations

import json
from dataclasses import asdict

from transforms.bilingual import Words


def test_a_text_comes_back_from_json_in_both_languages() -> None:
    words = Words("two rows", "dos filas")
    assert Words.of(json.loads(json.dumps(asdict(words)))) == words
    assert f"{words}" == "two rows", "logs and commands say the English one"


def test_what_was_kept_in_english_alone_has_no_spanish() -> None:
    assert Words.of("two rows") == Words("two rows", "")
