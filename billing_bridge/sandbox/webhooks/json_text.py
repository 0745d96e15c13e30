"""JSON as Rails writes it: compact, with the characters escaped that could end a script."""

import json
from typing import Any

ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_TABLE = str.maketrans(ESCAPES)


def rails_json(value: Any) -> str:
    """Re-serialising the text with another encoder gives other bytes, so signatures hold for these only."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_TABLE)
