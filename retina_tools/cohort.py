"""The same pipeline over many eyes: read, judge, segment, measure; one row per photograph, none lost."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd
import xarray as xr

from retina_tools import __version__
from retina_tools.collection import KEYS, EyeCollection
from retina_tools.completion import Segmenter, complete, structures_of
from retina_tools.schema import EyeError, without_masks

Masks = Literal["segment", "given", "complete"]

RUN_COLUMNS: Final = ("error", "error_stage", "seconds")
QUALITY_COLUMNS: Final = ("quality_score", "quality_gradable", "quality_reason")
SCALE_COLUMNS: Final = ("um_per_pixel", "scale_source")
STRUCTURE_COLUMNS: Final = ("structures_given", "structures_segmented")


@dataclass(frozen=True)
class Pipeline:
    """What is done to each eye.

    Parameters
    ----------
    masks : {'segment', 'given', 'complete'}
        Draw all structures with the segmenter, whatever is drawn already; measure what is drawn and nothing else; or
        keep what is drawn and let the segmenter draw what is missing, as :func:`retina_tools.completion.complete` does.
        The columns ``structures_given`` and ``structures_segmented`` say which came from where.
    segmenter : callable, optional
        Eye in, eye with masks out. The default is ``segmentation.segment``.
    biomarkers : sequence of str, optional
        Names to measure; all of the catalogue by default.
    disc_diameter_um : float, optional
        Assume this disc diameter to get micrometres where the scale is unknown (1800 is the anatomical mean). The
        column ``scale_source`` then says ``disc_diameter``.
    """

    masks: Masks = "segment"
    segmenter: Segmenter | None = None
    biomarkers: tuple[str, ...] | None = None
    disc_diameter_um: float | None = None

    def __post_init__(self) -> None:
        if self.masks not in ("segment", "given", "complete"):
            raise EyeError(
                f"masks is {self.masks!r}, wanted 'segment' (draw them), 'given' (measure what is drawn) or 'complete' "
                "(draw what is missing)."
            )
        if self.disc_diameter_um is not None and not 800 <= self.disc_diameter_um <= 3500:
            raise EyeError(f"disc_diameter_um is {self.disc_diameter_um!r}, wanted a disc's diameter, 800 to 3500 um.")

    def run(self, read: Callable[[Mapping[str, Any]], xr.Dataset], row: Mapping[str, Any]) -> dict[str, Any]:
        """Measure one eye; what goes wrong becomes part of the row, what was computed before it is kept.

        Parameters
        ----------
        read : callable
            Takes the row and returns the eye.
        row : mapping
            One row of a collection's table.

        Returns
        -------
        dict
            The columns of one row of the result.
        """
        start = time.perf_counter()
        result: dict[str, Any] = {key: row.get(key, "") for key in KEYS}
        stage = "read"
        try:
            with warnings.catch_warnings():
                # A warning of one picture must not stop a run of thousands; what matters is in the status columns.
                warnings.simplefilter("ignore")
                for stage, columns in self._stages(read, row):  # noqa: B007  (named when it fails)
                    result |= columns
        except EyeError as error:
            result |= {"error": str(error), "error_stage": stage}
        except MemoryError:
            message = "Not enough memory for this picture; resize it, or run with fewer jobs."
            result |= {"error": message, "error_stage": stage}
        except Exception as error:
            # One picture, whatever is wrong with it, never ends the run; the type tells a bug from bad input.
            result |= {"error": f"unexpected {type(error).__name__}: {error}", "error_stage": stage}
        result["seconds"] = time.perf_counter() - start
        return result

    def _stages(
        self, read: Callable[[Mapping[str, Any]], xr.Dataset], row: Mapping[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the name of the stage that comes next, and the columns of the one just done."""
        from retina_tools import biomarkers, quality, segmentation

        yield "read", {}
        eye = read(row)
        yield "quality", {key: row.get(key) or eye.coords[key].item() for key in KEYS}
        judged = _quality_columns(quality.assess(eye)) if "image" in eye else {}
        yield "segment", judged
        if self.masks == "segment":
            segmenter: Segmenter = self.segmenter or segmentation.segment
            eye = without_masks(eye)
            given = structures_of(eye)
            eye = segmenter(eye)
        else:
            given = structures_of(eye)
            eye = complete(eye, self.segmenter) if self.masks == "complete" else eye
        segmented = [name for name in structures_of(eye) if name not in given]
        if self.disc_diameter_um is not None and eye.attrs["scale_source"] == "unknown":
            eye = biomarkers.scale_from_disc(eye, self.disc_diameter_um)
        found = dict(zip(STRUCTURE_COLUMNS, (" ".join(given), " ".join(segmented)), strict=True))
        found |= {name: eye.attrs[name] for name in SCALE_COLUMNS}
        yield "measure", _side(row, eye) | found
        measured = biomarkers.to_table(biomarkers.measure(eye, self.biomarkers), status=True)
        row_of_values = measured.drop(columns=list(KEYS), errors="ignore").iloc[0]
        yield "done", {str(column): value for column, value in row_of_values.items()}


def iter_cohort(eyes: EyeCollection, pipeline: Pipeline | None = None, *, jobs: int = 1) -> Iterator[dict[str, Any]]:
    """Measure eye after eye, each row handed out as soon as it is made, in the order of the collection.

    Parameters
    ----------
    eyes : EyeCollection
    pipeline : Pipeline, optional
    jobs : int
        Worker processes; 1 stays in this process.

    Yields
    ------
    dict
        One row; see :func:`measure_cohort`.
    """
    pipeline = pipeline or Pipeline()
    if jobs < 1:
        raise EyeError(f"jobs is {jobs}, wanted the number of worker processes, 1 or more.")
    if jobs == 1:
        for row in eyes.rows():
            yield pipeline.run(eyes.read, row)
        return
    from joblib import Parallel, delayed

    with Parallel(n_jobs=jobs, return_as="generator", inner_max_num_threads=1) as parallel:
        yield from parallel(delayed(pipeline.run)(eyes.read, row) for row in eyes.rows())


def measure_cohort(
    eyes: EyeCollection,
    pipeline: Pipeline | None = None,
    *,
    jobs: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Measure every eye of a collection.

    Parameters
    ----------
    eyes : EyeCollection
        For example ``io.read_folder(folder)``, ``datasets.hrf(folder)`` or ``phantom.cohort(30)``.
    pipeline : Pipeline, optional
        What is done to each eye; by default it is judged, segmented and measured.
    jobs : int
        Worker processes; 1 stays in this process.
    progress : bool
        Show a progress bar with rate and remaining time.

    Returns
    -------
    pandas.DataFrame
        One row per eye, in the order of the collection: keys, ``laterality_source`` (``clinical_table``, ``file_name``,
        ``metadata`` of DICOM, ``dataset``, or ``fovea`` where nobody said and the fovea's side of the disc told),
        clinical columns, ``error`` (empty when all went well), ``error_stage``, ``seconds``, quality, scale, structures
        given and segmented, then one column per biomarker, vessel and region, and one with its status in words. An eye
        that fails is a row with its error.

    Examples
    --------
    >>> from retina_tools import phantom
    >>> table = measure_cohort(phantom.cohort(1, size=256), Pipeline(masks="given"), progress=False)
    >>> table[["image_id", "error"]].values.tolist()
    [['P001_OD', ''], ['P001_OS', '']]
    """
    rows: Iterable[dict[str, Any]] = iter_cohort(eyes, pipeline, jobs=jobs)
    if progress:
        from tqdm.auto import tqdm

        rows = tqdm(rows, total=len(eyes), desc=f"Measuring {eyes.name}", unit="eye")
    return assemble(list(rows), eyes, pipeline)


def assemble(rows: list[dict[str, Any]], eyes: EyeCollection, pipeline: Pipeline | None = None) -> pd.DataFrame:
    """Make the result table from rows and the collection's clinical columns.

    Parameters
    ----------
    rows : list of dict
        From :func:`iter_cohort`, as far as they were made.
    eyes : EyeCollection
        The collection they belong to.
    pipeline : Pipeline, optional
        Recorded in ``table.attrs``, which Parquet files keep.

    Returns
    -------
    pandas.DataFrame
        As :func:`measure_cohort` describes.
    """
    measured = pd.DataFrame(rows)
    for column in (*KEYS, "error", "error_stage"):
        if column not in measured:
            measured[column] = ""
    measured[["error", "error_stage"]] = measured[["error", "error_stage"]].fillna("")
    clinical = eyes.clinical.drop(columns=["patient_id", "laterality"])
    clash = [column for column in clinical if column in measured.columns and column != "image_id"]
    clinical = clinical.rename(columns={column: f"clinical_{column}" for column in clash})
    table = measured.merge(clinical, on="image_id", how="left", validate="one_to_one")
    leading = [
        *KEYS,
        "laterality_source",
        *clinical.columns.drop("image_id"),
        *RUN_COLUMNS,
        *QUALITY_COLUMNS,
        *SCALE_COLUMNS,
        *STRUCTURE_COLUMNS,
    ]
    leading = [column for column in leading if column in table]
    columns = [str(column) for column in table]
    values = [column for column in columns if column not in leading and not is_status(column)]
    table = table[[*leading, *values, *filter(is_status, columns)]].copy()
    pipeline = pipeline or Pipeline()
    table.attrs = {
        "software": f"retina_tools {__version__}",
        "collection": eyes.name,
        "masks": pipeline.masks,
        "licence": eyes.licence,
        "citation": eyes.citation,
    }
    return table


def is_status(column: str) -> bool:
    """Whether a column holds the status of a biomarker in words."""
    return column.split(".")[0].endswith("_status")


def biomarker_columns(table: pd.DataFrame) -> list[str]:
    """Names of the biomarker values of a result table, the columns statistics are made of.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`measure_cohort`.

    Returns
    -------
    list of str
    """
    columns = [str(column) for column in table]
    status = set(filter(is_status, columns))
    return [column for column in columns if _status_column(column) in status]


def summarise_run(table: pd.DataFrame) -> str:
    """Say in words how a run went, naming every photograph that failed or is not gradable.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`measure_cohort`.

    Returns
    -------
    str
        A few lines.
    """
    failed = table[table["error"] != ""]
    lines = [
        f"{len(table) - len(failed)} of {len(table)} photographs measured, {table['seconds'].sum():.0f} s of work."
    ]
    lines += [f"  failed ({row.error_stage}): {row.image_id}: {row.error}" for row in failed.itertuples()]
    if "quality_gradable" in table:
        doubtful = table[(table["error"] == "") & (table["quality_gradable"] == False)]  # noqa: E712
        lines += [f"  not gradable: {row.image_id}: {row.quality_reason}" for row in doubtful.itertuples()]
    return "\n".join(lines)


def _side(row: Mapping[str, Any], eye: xr.Dataset) -> dict[str, str]:
    """Which eye it is, and who says so; where nobody does, the side of the disc that the fovea is on."""
    from retina_tools.biomarkers import Frame, Unmeasurable

    stated = str(eye.coords["laterality"].item())
    listed = str(row.get("laterality") or "")
    if stated:
        source = str(row.get("_laterality_source", "dataset")) if stated == listed else "metadata"
        return {"laterality": stated, "laterality_source": source}
    if listed:
        return {"laterality": listed, "laterality_source": str(row.get("_laterality_source", "dataset"))}
    try:
        return {"laterality": Frame(eye).laterality, "laterality_source": "fovea"}
    except Unmeasurable:
        return {"laterality": "", "laterality_source": ""}


def _quality_columns(judged: xr.Dataset) -> dict[str, Any]:
    return {f"quality_{name}": judged[name].item() for name in ("score", "gradable", "reason")}


def _status_column(column: str) -> str:
    variable, dot, rest = column.partition(".")
    return f"{variable}_status{dot}{rest}"
