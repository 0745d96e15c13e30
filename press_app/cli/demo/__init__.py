"""``press demo``: plays one paid subscription through the real programs and proves each promise from outside."""
