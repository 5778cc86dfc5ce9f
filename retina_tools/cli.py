"""The main job without a notebook: measure a folder of photographs, relate the biomarkers to disease."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from retina_tools import __version__
from retina_tools.schema import EyeError

_DESCRIPTION = """\
From photographs of the eye to biomarkers and their relation to disease.

  retina-tools measure photos/ --out results.parquet --clinical patients.csv
  retina-tools associate results.parquet --outcome glaucoma --covariates age sex --out associations.csv
"""

_MEASURE = """\
Read every photograph of FOLDER (JPEG, PNG, TIFF, BMP, PPM, GIF, DICOM; folders within it too), judge its quality,
draw vessels, arteries, veins, optic disc and fovea on it, and measure the biomarkers.

The result has one row per photograph: its keys, the clinical columns, error (empty when all went well), quality, then
one column per biomarker, for example calibre_equivalent_dd.artery.zone_b (the central retinal artery equivalent in
disc diameters), and one with its status in words. What could not be measured is missing, and its status says why.
A photograph that cannot be read is a row with its error; the others are measured.
"""

_MEASURE_END = """\
which eye:   left and right are read from DICOM or from the name (P12_OD.jpg, 01L.png, patient7_right.tif),
             else from the fovea's side of the disc.
clinical:    a CSV, Excel or Parquet table with a column image_id (file name, with or without its ending), or
             patient_id and eye; every other column is carried along: age, sex, diagnosis.
micrometres: need a scale: from DICOM, from --um-per-pixel, or assumed from the disc with --disc-diameter-um 1800.
             Disc diameters, ratios and degrees need none.

examples:
  retina-tools measure HRF/images --out hrf.parquet
  retina-tools measure clinic/ --out clinic.csv --clinical visits.xlsx --disc-diameter-um 1800 --jobs 2
  retina-tools measure photos/ --out own.parquet --masks my_segmentations/ --coding av_rgb
"""

_ASSOCIATE = """\
Relate each biomarker of a result table to an outcome: one regression per biomarker, adjusted for the covariates, with
both eyes of a patient treated as one patient (GEE clustered by patient_id). The result has one row per biomarker with
n, patients, effect per standard deviation, 95 % interval, p and the multiplicity-corrected q.
"""

_ASSOCIATE_END = """\
examples:
  retina-tools associate hrf.parquet --outcome group --event glaucoma --reference healthy --out glaucoma.csv
  retina-tools associate results.parquet --outcome disease --covariates age sex --exposures "*_dd*" --out assoc.csv
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; ``sys.argv`` by default.

    Returns
    -------
    int
        0 when everything was done, 1 when some photographs failed, 2 when nothing could be done.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except EyeError as error:
        print(f"retina-tools: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"retina-tools: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("retina-tools", description=_DESCRIPTION, formatter_class=plain)
    parser.add_argument("--version", action="version", version=f"retina_tools {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    measure = commands.add_parser(
        "measure",
        help="photographs in, biomarkers out",
        description=_MEASURE,
        epilog=_MEASURE_END,
        formatter_class=plain,
    )
    measure.set_defaults(run=_measure)
    measure.add_argument("folder", type=Path, metavar="FOLDER", help="folder with the photographs")
    measure.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="result table: .parquet, .csv or .xlsx"
    )
    measure.add_argument("--clinical", type=Path, metavar="TABLE", help="clinical table joined to the result")
    measure.add_argument("--masks", type=Path, metavar="FOLDER", help="measure these masks instead of segmenting")
    measure.add_argument("--coding", metavar="NAME", help="what the values of the masks mean; see io.codings()")
    measure.add_argument("--um-per-pixel", type=float, metavar="UM", help="scale of all photographs")
    measure.add_argument("--disc-diameter-um", type=float, metavar="UM", help="where no scale is known, assume this")
    measure.add_argument("--jobs", type=int, default=1, metavar="N", help="worker processes, default 1")
    measure.add_argument("--quiet", action="store_true", help="no progress bar")

    associate = commands.add_parser(
        "associate",
        help="biomarkers and an outcome in, associations out",
        description=_ASSOCIATE,
        epilog=_ASSOCIATE_END,
        formatter_class=plain,
    )
    associate.set_defaults(run=_associate)
    associate.add_argument("results", type=Path, metavar="RESULTS", help="table written by 'measure'")
    associate.add_argument("--outcome", required=True, metavar="COLUMN", help="clinical column: disease, group, IOP")
    associate.add_argument("--event", metavar="LEVEL", help="level of the outcome that counts as the event")
    associate.add_argument("--reference", metavar="LEVEL", help="level it is compared with; other levels are left out")
    associate.add_argument("--covariates", nargs="+", default=[], metavar="COLUMN", help="adjust for these")
    associate.add_argument("--exposures", nargs="+", metavar="PATTERN", help="biomarkers, with * and ?; default all")
    associate.add_argument("--groups", default="patient_id", metavar="COLUMN", help="cluster, default patient_id")
    associate.add_argument("--out", type=Path, required=True, metavar="FILE", help=".csv, .parquet or .xlsx")

    catalogue = commands.add_parser("catalogue", help="what every biomarker is, with units and source")
    catalogue.set_defaults(run=_catalogue)
    catalogue.add_argument("--out", type=Path, metavar="FILE", help="write it as .csv, .parquet or .xlsx")
    return parser


def _measure(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from retina_tools import biomarkers, cohort, io

    _check_writable(options.out)
    eyes = io.read_folder(options.folder, clinical=options.clinical, um_per_pixel=options.um_per_pixel)
    if options.masks is not None:
        eyes = io.add_mask_folder(eyes, options.masks, coding=options.coding)
    pipeline = cohort.Pipeline(
        masks="given" if options.masks is not None else "segment", disc_diameter_um=options.disc_diameter_um
    )
    print(f"{len(eyes)} photographs in {options.folder}; the result goes to {options.out}.", flush=True)
    rows = []
    try:
        made = cohort.iter_cohort(eyes, pipeline, jobs=options.jobs)
        for row in tqdm(made, total=len(eyes), unit="eye", disable=options.quiet):
            rows.append(row)  # noqa: PERF402  (kept when interrupted)
    except KeyboardInterrupt:
        print(f"\nInterrupted after {len(rows)} of {len(eyes)} photographs; writing those.", file=sys.stderr)
    if not rows:
        return 2
    table = cohort.assemble(rows, eyes, pipeline)
    write_table(table, options.out)
    dictionary = biomarkers.write_dictionary(options.out)
    print(cohort.summarise_run(table))
    print(f"Results: {options.out}\nWhat the columns mean: {dictionary}")
    return int(len(rows) < len(eyes) or (table["error"] != "").any())


def _associate(options: argparse.Namespace) -> int:
    import fnmatch

    from retina_tools import biomarkers, cohort, statistics

    _check_writable(options.out)
    table = read_table(options.results)
    exposures = cohort.biomarker_columns(table)
    if options.exposures:
        exposures = [name for name in exposures if any(fnmatch.fnmatch(name, p) for p in options.exposures)]
    if not exposures:
        raise EyeError(
            f"No biomarker column of {options.results} was chosen; "
            "the table must come from 'retina-tools measure', and --exposures takes patterns such as 'calibre_*'."
        )
    associations = statistics.associate(
        table,
        options.outcome,
        exposures,
        covariates=options.covariates,
        groups=options.groups,
        event=options.event,
        reference=options.reference,
    )
    write_table(associations, options.out)
    fitted = associations["p"].notna().sum()
    found = (associations["q"] < 0.05).sum()
    print(f"{fitted} of {len(associations)} biomarkers could be fitted; {found} with q < 0.05.")
    print(f"Associations: {options.out}\nWhat the biomarkers mean: {biomarkers.write_dictionary(options.out)}")
    return 0


def _catalogue(options: argparse.Namespace) -> int:
    from retina_tools import biomarkers

    catalogue = biomarkers.catalogue()
    if options.out is not None:
        write_table(catalogue, options.out)
        print(f"{len(catalogue)} biomarkers: {options.out}")
    else:
        for row in catalogue.to_dict("records"):
            print(f"{row['name']} [{row['units']}]\n    {row['definition']} ({row['source']})")
    return 0


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table in the format its file name asks for.

    Parameters
    ----------
    table : pandas.DataFrame
    path : pathlib.Path
        Ending in ``.parquet``, ``.csv`` or ``.xlsx``.

    Raises
    ------
    EyeError
        Another ending.
    """
    _check_writable(path)
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_excel(path, index=False)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that :func:`write_table` wrote.

    Parameters
    ----------
    path : pathlib.Path

    Returns
    -------
    pandas.DataFrame

    Raises
    ------
    EyeError
        No such file, or not a table.
    """
    if not path.is_file():
        raise EyeError(f"There is no file {path}; give the table that 'retina-tools measure' wrote.")
    keys = {"image_id": str, "patient_id": str}
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.suffix == ".csv":
            return pd.read_csv(path, dtype=keys, keep_default_na=True)
        return pd.read_excel(path, dtype=keys)
    except (ValueError, OSError) as error:
        raise EyeError(f"{path} could not be read as a table: {error}") from error


def _check_writable(path: Path) -> None:
    """Fail before hours of work, not after."""
    if path.suffix not in (".parquet", ".csv", ".xlsx"):
        raise EyeError(f"The result {path} should end in .parquet, .csv or .xlsx, which says its format.")
    if path.is_dir():
        raise EyeError(f"{path} is a folder; give a file name, for example {path / 'results.parquet'}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
    except OSError as error:
        raise EyeError(f"The result {path} cannot be written: {error.strerror}.") from error
    if path.stat().st_size == 0:
        path.unlink()


if __name__ == "__main__":
    sys.exit(main())
