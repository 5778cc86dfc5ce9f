"""Eyes from a few words: a small language of grades, findings, places, camera and pigmentation.

A caption is a list of phrases, split by commas, "and" or "with". A phrase is a grade, a side, a word about the camera
or the fundus, or a noun with adjectives before it::

    moderate NPDR, OS, large cup, many temporal microaneurysms
    early AMD, blond, 30 degrees, slightly blurred
    glaucoma suspect, right eye, small disc, no haemorrhages

Numbers are drawn from the seed within what a word means, so that one caption describes many eyes. What a grade means
holds in every one of them: an eye of moderate non-proliferative retinopathy has more than microaneurysms and does not
meet the 4-2-1 rule. A caption that contradicts its grade is refused.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from retina_tools.phantom.habits import HABITS, LESIONS, PLACES
from retina_tools.schema import EyeError

Range = tuple[float, float]

_SIDES: Final = {"od": "OD", "right eye": "OD", "os": "OS", "left eye": "OS"}
_COUNTS: Final[Mapping[str, Range]] = {
    "no": (0, 0), "one": (1, 1), "two": (2, 2), "three": (3, 3), "few": (2, 4), "some": (5, 9), "several": (5, 9),
    "many": (18, 30),
}  # fmt: skip
# Of these there are some where no number is given, of others up to three.
_PLENTIFUL: Final = ("drusen", "microaneurysm", "haemorrhage", "hard_exudate")
_SIZES: Final = {"small": 0.65, "large": 1.6}
# What else a noun may be called.
_SYNONYMS: Final = {
    "hemorrhage": "haemorrhage", "ma": "microaneurysm", "exudate": "hard exudate",
    "new vessel": "neovascularisation", "neovascularization": "neovascularisation", "druse": "drusen",
    "macular edema": "macular oedema", "scar": "retinal scar", "preretinal haemorrhage": "patchy haemorrhage",
    "nicking": "av nicking", "beading": "venous beading", "sheathing": "vascular sheathing", "dust": "artifact",
    "geographic atrophy": "choroidal atrophy",
}  # fmt: skip

# Words about camera, fundus and vessels: the parameters they set, as ranges to draw from.
_LOOKS: Final[Mapping[str, Mapping[str, Range]]] = {
    "30 degrees": {"field_angle_deg": (30, 30)},
    "45 degrees": {"field_angle_deg": (45, 45)},
    "50 degrees": {"field_angle_deg": (50, 50)},
    "60 degrees": {"field_angle_deg": (60, 60)},
    "macula centred": {"view_centre": (0, 0)},
    "disc centred": {"view_centre": (1, 1)},
    "blurred": {"blur_um": (28, 40)},
    "slightly blurred": {"blur_um": (16, 22)},
    "sharp": {"blur_um": (5, 8)},
    "dark": {"illumination": (0.45, 0.6), "uneven_illumination": (0.5, 0.8)},
    "bright": {"illumination": (1.15, 1.3)},
    "uneven": {"uneven_illumination": (0.75, 1.0)},
    "hazy": {"haze": (0.45, 0.7)},
    "noisy": {"noise": (8, 14)},
    "compressed": {"jpeg_quality": (25, 45)},
    "blond": {"pigmentation": (0.0, 0.12)},
    "dark fundus": {"pigmentation": (0.8, 1.0)},
    "tessellated": {"tessellation": (0.6, 0.85)},
    "tortuous vessels": {"tortuosity": (1.7, 2.2)},
    "tortuous veins": {"venous_tortuosity": (1.8, 2.3)},
    "straight vessels": {"tortuosity": (0.2, 0.4)},
    "narrow arteries": {"arteriole_calibre_um": (110, 125)},
    "wide veins": {"venule_calibre_um": (250, 265)},
    "sparse vessels": {"vessel_density": (0.3, 0.5)},
    "inferior notch": {"notch_depth": (0.6, 0.9), "notch_angle_deg": (265, 300)},
    "superior notch": {"notch_depth": (0.6, 0.9), "notch_angle_deg": (60, 95)},
    "tilted disc": {"disc_tilt_deg": (25, 45), "disc_ovality": (0.72, 0.8)},
    "peripapillary atrophy": {"arc_atrophy_um": (300, 700)},
    "small cup": {"cup_disc_ratio": (0.15, 0.25)},
    "large cup": {"cup_disc_ratio": (0.62, 0.75)},
    "small disc": {"disc_diameter_um": (1400, 1520)},
    "large disc": {"disc_diameter_um": (2100, 2250)},
}


@dataclass(frozen=True)
class Grade:
    """What a diagnosis means: parameters and counts of lesions to draw from, places and sizes."""

    looks: Mapping[str, Range] = field(default_factory=dict)
    lesions: Mapping[str, Range] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    retinopathy: int | None = None


_GRADES: Final[Mapping[str, Grade]] = {
    "healthy": Grade(retinopathy=0),
    "no dr": Grade(retinopathy=0),
    "mild npdr": Grade(lesions={"microaneurysm": (2, 8)}, retinopathy=1),
    "moderate npdr": Grade(
        lesions={"microaneurysm": (8, 20), "haemorrhage": (4, 14), "hard_exudate": (6, 25), "cotton_wool_spot": (0, 3)},
        retinopathy=2,
    ),
    "severe npdr": Grade(
        lesions={
            "microaneurysm": (15, 30),
            "haemorrhage": (92, 104),
            "hard_exudate": (4, 20),
            "cotton_wool_spot": (2, 5),
            "venous_beading": (2, 3),
        },
        places={"haemorrhage": "quadrants"},
        sizes={"haemorrhage": 0.75},
        retinopathy=3,
    ),
    "pdr": Grade(
        lesions={
            "microaneurysm": (10, 25),
            "haemorrhage": (12, 30),
            "hard_exudate": (0, 15),
            "cotton_wool_spot": (1, 4),
            "neovascularisation": (2, 4),
            "fibrous_proliferation": (0, 2),
        },
        retinopathy=4,
    ),
    "glaucoma suspect": Grade(looks={"cup_disc_ratio": (0.6, 0.68)}),
    "glaucoma": Grade(
        looks={"cup_disc_ratio": (0.74, 0.84), "notch_depth": (0.6, 0.95), "notch_angle_deg": (265, 300)},
    ),
    "early amd": Grade(lesions={"drusen": (8, 20)}, places={"drusen": "macular"}, sizes={"drusen": 0.77}),
    "intermediate amd": Grade(
        lesions={"drusen": (25, 45), "pigment_change": (2, 5)}, places={"drusen": "macular"}, sizes={"drusen": 1.3}
    ),
    "pathological myopia": Grade(
        looks={
            "tessellation": (0.75, 1.0),
            "pigmentation": (0.05, 0.3),
            "arc_atrophy_um": (500, 900),
            "disc_tilt_deg": (15, 40),
            "disc_ovality": (0.72, 0.82),
        },
        lesions={"diffuse_atrophy": (1, 1), "patchy_atrophy": (1, 3)},
    ),
}
_GRADE_SYNONYMS: Final = {
    "normal": "healthy", "npdr": "moderate npdr", "proliferative retinopathy": "pdr", "suspect": "glaucoma suspect",
    "amd": "intermediate amd", "myopia": "pathological myopia", "glaucoma suspected": "glaucoma suspect",
    "suspected glaucoma": "glaucoma suspect", "suspect glaucoma": "glaucoma suspect", "no retinopathy": "no dr",
    "no diabetic retinopathy": "no dr", "diabetic retinopathy": "moderate npdr",
}  # fmt: skip
# Stages of one disease, beside those of retinopathy: an eye is in one of them.
_STAGES: Final = (("glaucoma suspect", "glaucoma"), ("early amd", "intermediate amd"))
# Lesions of retinopathy, and the grade from which each is found.
_FROM_GRADE: Final = {
    "microaneurysm": 1, "haemorrhage": 2, "hard_exudate": 2, "cotton_wool_spot": 2, "venous_beading": 2,
    "neovascularisation": 4, "fibrous_proliferation": 4, "patchy_haemorrhage": 4,
}  # fmt: skip


def caption_words() -> dict[str, tuple[str, ...]]:
    """The vocabulary of captions, by what the words are about.

    Returns
    -------
    dict of str to tuple of str
        ``grade``, ``side``, ``look`` (camera, fundus, vessels, disc and cup), and for findings ``count``, ``size``,
        ``place`` and ``lesion``. A finding is a lesion, in singular or plural, with a count (or a number), a size and a
        place before it, in any order.

    Examples
    --------
    >>> caption_words()["side"]
    ('od', 'right eye', 'os', 'left eye')
    """
    return {
        "grade": (*_GRADES, *_GRADE_SYNONYMS),
        "side": tuple(_SIDES),
        "look": tuple(_LOOKS),
        "count": tuple(_COUNTS),
        "size": tuple(_SIZES),
        "place": PLACES,
        "lesion": tuple(sorted({*_lesion_names(), *_SYNONYMS})),
    }


def read_caption(text: str, seed: int = 0) -> dict[str, Any]:
    """The parameters, and perhaps the laterality, that a caption describes.

    Parameters
    ----------
    text : str
        See the module's description and `caption_words`.
    seed : int
        Decides what is drawn where a word leaves a range.

    Returns
    -------
    dict
        Keywords of `retina_tools.phantom.eye`.

    Raises
    ------
    EyeError
        A word that is not in the vocabulary, or a part of a phrase, with the nearest that is; two grades, sides, sizes,
        counts or places that exclude each other; a finding or a cup that contradicts the grade.

    Examples
    --------
    >>> made = read_caption("mild NPDR, OS, large cup", seed=1)
    >>> made["laterality"], sorted(made["lesions"]), 0.6 < made["cup_disc_ratio"] < 0.8
    ('OS', ['microaneurysm'], True)
    >>> read_caption("moderate NPDR, large cop")
    Traceback (most recent call last):
    ...
    retina_tools.taxonomy.EyeError: 'cop' is not a word of captions; did you mean 'cup'? ...
    """
    if not isinstance(text, str):
        raise EyeError(f"A caption is text like 'moderate NPDR, OS', got {text!r}.")
    if seed < 0:
        raise EyeError(f"seed is {seed}, wanted a whole number from 0.")
    found = _Reading(np.random.default_rng([seed, 50]))
    phrases = re.split(r",|;|\band\b|\bwith\b", text.lower().replace("-", " ").replace("°", " degrees"))
    for phrase in phrases:
        found.read(phrase.split())
    return found.values()


def _lesion_names() -> dict[str, str]:
    return {kind.replace("_", " "): kind for kind in LESIONS}


class _Reading:
    """What has been understood of a caption so far."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.side = ""
        self.grades: dict[str, Grade] = {}
        self.looks: dict[str, Range] = {}
        self.said: dict[str, str] = {}
        self.counts: dict[str, Range] = {}
        self.places: dict[str, str] = {}
        self.sizes: dict[str, float] = {}
        self.nouns = _lesion_names()
        self.nouns |= {name: self.nouns[meaning] for name, meaning in _SYNONYMS.items()}

    def read(self, words: list[str]) -> None:
        """Understand one phrase."""
        adjectives: list[str] = []
        while words:
            taken = self._longest(words)
            if not taken:
                _unknown(words)
            phrase, words = " ".join(words[:taken]), words[taken:]
            singular = _singular(phrase, self.nouns)
            if singular in self.nouns:
                self._finding(self.nouns[singular], adjectives)
                adjectives = []
            elif phrase in _SIDES:
                self._set_side(_SIDES[phrase])
            elif phrase in _LOOKS:
                self._set_look(phrase)
            elif (grade := _GRADE_SYNONYMS.get(phrase, phrase)) in _GRADES:
                self._set_grade(grade)
            else:
                adjectives.append(phrase)
        if adjectives:
            _no_noun(adjectives)

    def _longest(self, words: list[str]) -> int:
        """How many words from the first on make the longest thing that is known; 0 if none does."""
        for count in range(min(4, len(words)), 0, -1):
            phrase = " ".join(words[:count])
            if phrase in _SIDES or phrase in _LOOKS or phrase in _GRADES or phrase in _GRADE_SYNONYMS:
                return count
            if _singular(phrase, self.nouns) in self.nouns:
                return count
        first = words[0]
        return 1 if first in _COUNTS or first in _SIZES or first in PLACES or first.isdigit() else 0

    def _set_side(self, side: str) -> None:
        if self.side not in ("", side):
            raise EyeError("The caption says both OD and OS; an eye is one of them.")
        self.side = side

    def _set_look(self, phrase: str) -> None:
        """Take a word that sets parameters, unless an earlier one set them otherwise."""
        wanted = _LOOKS[phrase]
        for name, bounds in wanted.items():
            if self.looks.get(name, bounds) != bounds:
                raise EyeError(f"The caption says both {self.said[name]!r} and {phrase!r}; give one of them.")
            self.said[name] = phrase
        self.looks |= wanted

    def _set_grade(self, grade: str) -> None:
        staged = _GRADES[grade].retinopathy is not None
        for name in self.grades:
            both = f"The caption says both {name!r} and {grade!r}; "
            if name != grade and "healthy" in (name, grade) and "no dr" not in (name, grade):
                raise EyeError(f"{both}a healthy eye has neither disease nor stage.")
            if staged and self.grades[name].retinopathy not in (None, _GRADES[grade].retinopathy):
                raise EyeError(f"{both}give one stage of retinopathy.")
            if name != grade and any({name, grade} <= set(stages) for stages in _STAGES):
                raise EyeError(f"{both}give one stage.")
        self.grades[grade] = _GRADES[grade]

    def _finding(self, kind: str, adjectives: list[str]) -> None:
        most = HABITS[kind].most if kind in HABITS else 50
        usual: Range = (5, 9) if kind in _PLENTIFUL else (1, min(3, most))
        for word in adjectives:
            if word in _COUNTS or word.isdigit():
                low, high = (int(word), int(word)) if word.isdigit() else _COUNTS[word]
                bounds = (low, high) if word.isdigit() else (min(low, most), min(high, most))
                self._set_part(self.counts, kind, bounds, word)
            elif word in _SIZES:
                self._set_part(self.sizes, kind, _SIZES[word], word)
            else:
                self._set_part(self.places, kind, word, word)
        self.counts.setdefault(kind, usual)

    def _set_part(self, part: dict[str, Any], kind: str, value: Any, word: str) -> None:
        """Set the count, size or place of a finding, unless an earlier word set it otherwise."""
        about = f"{kind} {id(part)}"
        if about in self.said and part[kind] != value:
            name = kind.replace("_", " ")
            raise EyeError(f"The caption says {name} both {self.said[about]!r} and {word!r}; give one of them.")
        part[kind], self.said[about] = value, word

    def values(self) -> dict[str, Any]:
        """The keywords drawn."""
        looks: dict[str, Range] = {}
        counts: dict[str, Range] = {}
        places: dict[str, str] = {}
        sizes: dict[str, float] = {}
        for grade in self.grades.values():
            looks |= grade.looks
            counts |= grade.lesions
            places |= grade.places
            sizes |= grade.sizes
        self._check(counts)
        self._check_cup(looks)
        lesions = {kind: self._whole(bounds) for kind, bounds in (counts | self.counts).items()}
        made: dict[str, Any] = {name: self._drawn(name, bounds) for name, bounds in (looks | self.looks).items()}
        if self.side:
            made["laterality"] = self.side
        mappings = {"lesions": lesions, "lesion_places": places | self.places, "lesion_sizes": sizes | self.sizes}
        return made | {name: mapping for name, mapping in mappings.items() if mapping}

    def _check(self, of_grade: Mapping[str, Range]) -> None:
        """Refuse findings that would make the grade another one."""
        for name, grade in self.grades.items():
            stage = grade.retinopathy
            if stage is None:
                continue
            for kind, (_, high) in self.counts.items():
                from_grade = _FROM_GRADE.get(kind, 0)
                if high > 0 and from_grade > stage:
                    raise EyeError(f"An eye with {kind.replace('_', ' ')} is not {name!r}; drop one of the two.")
                if kind == "venous_beading" and stage == 2 and high > 1:
                    raise EyeError(
                        "Venous beading in two quadrants is severe NPDR; moderate has one beaded vein at most."
                    )
                if kind == "haemorrhage" and stage == 2 and high > 80:
                    raise EyeError("More than 20 haemorrhages in each quadrant are severe NPDR, not moderate.")
            left = {kind: low for kind, (low, _) in {**of_grade, **self.counts}.items()}
            if not _holds(stage, left):
                raise EyeError(f"Without what the caption takes away the eye is no longer {name!r}; drop one of both.")

    def _check_cup(self, of_grade: Mapping[str, Range]) -> None:
        """Refuse a cup that would make a glaucoma another eye."""
        name = "cup_disc_ratio"
        if name in of_grade and name in self.looks:
            (low, high), (least, most) = of_grade[name], self.looks[name]
            if most < low or least > high:
                grade = next(grade for grade, meant in self.grades.items() if name in meant.looks)
                raise EyeError(f"An eye with a {self.said[name]} is not {grade!r}; drop one of the two.")

    def _whole(self, bounds: Range) -> int:
        return int(self.rng.integers(int(bounds[0]), int(bounds[1]) + 1))

    def _drawn(self, name: str, bounds: Range) -> float | int:
        value = float(self.rng.uniform(*bounds))
        return round(value) if name == "jpeg_quality" else value


def _holds(stage: int, least: Mapping[str, float]) -> bool:
    """Whether the least counts of lesions suffice for a stage of retinopathy."""
    if stage == 1:
        return least.get("microaneurysm", 0) > 0
    if stage == 2:
        return any(least.get(kind, 0) > 0 for kind, grade in _FROM_GRADE.items() if grade == 2)
    if stage == 3:
        return least.get("haemorrhage", 0) >= 84 or least.get("venous_beading", 0) >= 2
    return stage == 0 or any(least.get(kind, 0) > 0 for kind, grade in _FROM_GRADE.items() if grade == 4)


def _singular(phrase: str, nouns: Mapping[str, str]) -> str:
    if phrase in nouns:
        return phrase
    endings: tuple[Callable[[str], str], ...] = (lambda p: p.removesuffix("s"), lambda p: p.removesuffix("es"))
    return next((ending(phrase) for ending in endings if ending(phrase) in nouns), phrase)


def _unknown(words: list[str]) -> None:
    """Refuse words that are not known, with the phrase they may be a part or a misspelling of."""
    first = words[0]
    phrases = [phrase for group in caption_words().values() for phrase in group]
    # The longest beginning that is a part of a phrase ("slightly", "macula") or almost one ("tilted disk").
    hint = ""
    for count in range(min(4, len(words)), 0, -1):
        part = " ".join(words[:count])
        begun = [phrase for phrase in phrases if phrase.startswith(f"{part} ")]
        near = difflib.get_close_matches(part, phrases, n=3, cutoff=0.75) if count > 1 else []
        if found := begun[:3] or near:
            hint = _did_you_mean(found)
            break
    if not hint:
        ending = [phrase for phrase in phrases if phrase.endswith(f" {first}")]
        known = sorted({part for phrase in phrases for part in phrase.split()})
        hint = _did_you_mean(ending[:3] or difflib.get_close_matches(first, known, n=1, cutoff=0.5))
    raise EyeError(f"{first!r} is not a word of captions; {hint}phantom.caption_words() has all.")


def _no_noun(adjectives: list[str]) -> None:
    """Refuse adjectives that describe nothing; some are the beginning of a phrase."""
    begun = [phrase for phrase in _LOOKS if phrase.startswith(f"{adjectives[-1]} ")]
    example = " ".join(adjectives[:2]) if len(adjectives) > 1 else adjectives[0]
    hint = _did_you_mean(begun or [f"{example} drusen"])
    raise EyeError(f"{' '.join(adjectives)!r} has no noun after it; {hint}phantom.caption_words() has all.")


def _did_you_mean(phrases: list[str]) -> str:
    return f"did you mean {' or '.join(repr(phrase) for phrase in phrases)}? " if phrases else ""
