"""What a finding in plain language must be: answer, number and baseline, three sentences."""

import re

WITHOUT_NULL = ("selectivity",)
"""Views whose numbers on images without classes have nothing to be compared with."""
BASELINE = re.compile(
    r"against|baseline|null|chance|where guessing|false-positive|shuffled|random|too small to name"
)
SUPERLATIVE = re.compile(
    r"(?<!at )\b(most|largest|best|strongest|least|smallest|worst|highest)\b", re.I
)
TEST = re.compile(r"\bp [=<] |test of the maximum")


def sentences(text):
    """Split where a sentence ends."""
    return re.split(r"(?<=\.) (?=[A-Z0-9])", text)


def judged(text, null=True):
    """What makes a finding one that can be said aloud and is no more than the numbers."""
    said = sentences(text)
    assert 1 <= len(said) <= 3, text
    assert all(each.endswith(".") and each[0] == each[0].upper() for each in said), text
    assert re.search(r"\d", text), text
    assert "nan" not in text and "None" not in text.replace("None of", ""), text
    assert not null or BASELINE.search(text), text
    for each in said:
        assert not SUPERLATIVE.search(each) or TEST.search(each), each
