"""Who speaks in the mini corpus: one ``Speaker`` per synthetic voice, sorted, the last ``NUM_TEST`` held out.

espeak-ng is a formant synthesiser: an accent, a variant (formant, breath and tone settings) and a pitch make a
voice. flite joins recorded diphones (kal16) or drives a vocoder (awb, rms, slt). A further voice comes from
flite by changing the length of the vocal tract. Read the output as if it had been sampled at ``tract`` times
its rate: every resonance moves up by that factor (a tract that much shorter), pitch too, and the sound gets
shorter by it. So the pitch target is divided by ``tract`` beforehand, and the durations are multiplied by it.

Test speakers share no accent, variant or flite voice with the training speakers.
"""

from dataclasses import dataclass

NUM_TEST = 4  # the paper holds out VCTK's last 10 speakers of 109


@dataclass(frozen=True)
class Speaker:
    """One synthetic voice.

    >>> Speaker("s99", "flite", "awb", pitch=150, rate=1.0, tract=1.25).engine_pitch
    120.0
    """

    name: str  # folder and file prefix, VCTK's "p225"
    engine: str  # "espeak-ng" or "flite"
    voice: str  # what the engine's own voice option is given
    pitch: float  # espeak-ng: its 0…99 scale; flite: mean F0 in Hz that is heard; 0 leaves the voice's own
    rate: float  # espeak-ng: words per minute; flite: speaking rate relative to the voice's own
    spread: float = 0.0  # flite: standard deviation of F0 in Hz; 0 leaves the voice's own
    tract: float = 1.0  # flite: resonances move up by this factor
    gain_db: float = 0.0  # from the engine's level to the level in the file

    @property
    def engine_pitch(self) -> float:
        """The pitch to ask the engine for, in the engine's own unit."""
        return self.pitch / self.tract

    @property
    def settings(self) -> str:
        """The settings beyond pitch and rate, without spaces, for ``speaker-info.txt``.

        >>> Speaker("s99", "flite", "awb", pitch=150, rate=1.0, tract=1.15, gain_db=-2).settings
        'tract=1.15,gain_db=-2'
        """
        extras = {"spread": (self.spread, 0), "tract": (self.tract, 1), "gain_db": (self.gain_db, 0)}
        return ",".join(f"{name}={value:g}" for name, (value, plain) in extras.items() if value != plain) or "-"


SPEAKERS = (
    Speaker("s01", "espeak-ng", "en+m3", pitch=40, rate=165, gain_db=2),
    Speaker("s02", "espeak-ng", "en+f2", pitch=50, rate=160, gain_db=2),
    Speaker("s03", "espeak-ng", "en-us+m7", pitch=62, rate=170, gain_db=1),
    Speaker("s04", "espeak-ng", "en-us+Annie", pitch=48, rate=165, gain_db=4),
    Speaker("s05", "espeak-ng", "en-gb-x-rp+Denis", pitch=45, rate=150, gain_db=5),
    Speaker("s06", "espeak-ng", "en-gb-x-rp+f5", pitch=42, rate=165, gain_db=4),
    Speaker("s07", "espeak-ng", "en-gb-x-gbclan+grandpa", pitch=40, rate=155, gain_db=-1),
    Speaker("s08", "espeak-ng", "en-gb-x-gbclan+aunty", pitch=60, rate=165, gain_db=1),
    Speaker("s09", "espeak-ng", "en-029+Michael", pitch=70, rate=175, gain_db=2),
    Speaker("s10", "espeak-ng", "en-029+Alicia", pitch=40, rate=180, gain_db=3),
    Speaker("s11", "espeak-ng", "en-gb-x-gbcwmd+m5", pitch=30, rate=160, gain_db=1),
    Speaker("s12", "espeak-ng", "en-us+shelby", pitch=45, rate=165, gain_db=2),
    Speaker("s13", "espeak-ng", "en-us+klatt2", pitch=58, rate=160, gain_db=3),
    Speaker("s14", "flite", "kal16", pitch=100, rate=1.0, spread=16, gain_db=6),
    Speaker("s15", "flite", "kal16", pitch=205, rate=1.0, spread=24, tract=1.18, gain_db=3),
    Speaker("s16", "flite", "awb", pitch=112, rate=1.0, tract=0.92),
    Speaker("s17", "flite", "awb", pitch=180, rate=0.95, tract=1.16, gain_db=0),
    Speaker("s18", "flite", "awb", pitch=245, rate=0.95, tract=1.32, gain_db=-1),
    # Held out from here on: a lower and a higher voice of either engine.
    Speaker("s19", "espeak-ng", "en-gb-scotland+m8", pitch=35, rate=160, gain_db=8),
    Speaker("s20", "espeak-ng", "en-us-nyc+f1", pitch=72, rate=165, gain_db=2),
    Speaker("s21", "flite", "rms", pitch=0, rate=1.05, gain_db=3),
    Speaker("s22", "flite", "slt", pitch=185, rate=0.95, gain_db=-1),
)


def split_of(index: int) -> str:
    """``"test"`` for the last ``NUM_TEST`` speakers, ``"train"`` for the others; ``index`` counts from 0."""
    return "train" if index < len(SPEAKERS) - NUM_TEST else "test"
