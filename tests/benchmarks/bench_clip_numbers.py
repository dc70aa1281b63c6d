"""What a longer clip costs: more phases to guess, or fewer numbers a second? Trained for the same time without a GPU.

    make bench ARGS="clip_numbers --limit 450"

Table 1's `base` at 8 kHz and clips of 16 to 512 ms: once with 200 units a clip, so that each doubling halves the
numbers for a second of sound, and once with units in proportion to the clip, 1 562 for each second.
"""

from hypersound_lib.evaluation import choose_excerpts
from tests.benchmarks.bench_clip_length import Row, measure

CLIP = {"sample_rate": 8000, "batch_size": 16}
PER_CLIP = tuple(Row(milliseconds, **CLIP) for milliseconds in (16, 32, 64, 128, 256, 512))
PER_SECOND = tuple(Row(milliseconds, units, **CLIP) for milliseconds, units in ((32, 50), (64, 100), (256, 400)))


def run(quick: bool = False, limit: float = 450.0) -> dict:
    """Train each row for `limit` seconds. With 200 units, the clip of 128 ms belongs to both series."""
    tested, _ = choose_excerpts("mini", split="test", limit=16, seconds=1.5)
    series = {"per_clip": PER_CLIP[:1] if quick else PER_CLIP, "per_second": () if quick else PER_SECOND}
    return {name: [measure(row, ["mini"], tested, limit) for row in rows] for name, rows in series.items()}
