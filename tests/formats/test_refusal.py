from medsyngen.errors import InputUnusable
from medsyngen.formats.refusal import REASONS, ScanRefused


def test_every_reason_says_what_and_what_to_do():
    for reason in REASONS:
        refused = ScanRefused(reason, "12 bit")
        assert isinstance(refused, InputUnusable)
        assert refused.what.endswith("(12 bit)")
        assert refused.do
        assert ScanRefused(reason).what == REASONS[reason][0]
