"""The main job without a notebook: measure a folder of photographs, relate the biomarkers to disease."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from retina_tools import __version__, evaluate_command
from retina_tools.cli_words import cut, in_options, problems_in_words
from retina_tools.schema import EyeError
from retina_tools.segmentation.training.command import add_train_command
from retina_tools.tables import check_writable, read_table, write_table

if TYPE_CHECKING:
    from retina_tools.collection import EyeCollection

# Without a terminal, a line this often says how far a run is.
_SECONDS_BETWEEN_LINES = 30.0

_DESCRIPTION = """\
From photographs of the eye to biomarkers and their relation to disease.

  retina-tools measure photos/ --out results.parquet --clinical patients.csv
  retina-tools associate results.parquet --outcome diagnosis --event glaucoma --covariates age,sex --out assoc.csv
  retina-tools evaluate chase_db1 --structures vessel --report chase.html
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
which eye:   left and right are read from the clinical table, from DICOM or from the name (P12_OD.jpg, 01L.png,
             P12_RE.jpg, P12_links.jpg, P12_L1.jpg, patient7_right.tif), else from the fovea's side of the disc; the
             column laterality_source says from which.
clinical:    a CSV, Excel or Parquet table with a column image_id (file name, with or without its ending), or
             patient_id and eye; every other column is carried along:

               patient_id;eye;age;sex;IOP;diagnosis;grade
               P12;RE;64;f;15,5;glaucoma;1

             Columns of other names are named with --patient-column, --eye-column and --image-column. What cannot be
             read or joined is listed by its row.
masks:       --masks measures the masks in a folder, found by the names of the photographs; what they do not show (the
             disc beside an artery-vein map) is segmented, unless --masks-only. The columns structures_given and
             structures_segmented say which is which.
micrometres: need a scale: from DICOM, from --um-per-pixel, or assumed from the disc with --disc-diameter-um 1800.
             Disc diameters, ratios and degrees need none.
exit code:   0 every photograph was measured, 1 some failed or the run was interrupted (the table has the others),
             2 nothing could be done.

examples:
  retina-tools measure HRF/images --out hrf.parquet
  retina-tools measure clinic/ --out clinic.csv --clinical visits.xlsx --disc-diameter-um 1800 --jobs 2
  retina-tools measure clinic/ --out clinic.csv --clinical visits.csv --eye-column Seite --eye-codes 1=OD 2=OS
  retina-tools measure photos/ --out own.parquet --masks my_segmentations/ --coding av_rgb
"""

_ASSOCIATE = """\
Relate each biomarker of a result table to an outcome: one regression per biomarker, adjusted for the covariates, with
both eyes of a patient treated as one patient (GEE clustered by patient_id). The result has one row per biomarker with
event and reference, n, patients, effect per standard deviation, 95 % interval, p and the multiplicity-corrected q. A
biomarker that cannot be fitted is a row that says why.
"""

_ASSOCIATE_END = """\
RESULTS may have been saved again by a spreadsheet program: semicolons and decimal commas are understood.

outcome:   a number is an amount; two levels are yes and no. Which of two texts is the event is known where the other
           means "without it" (healthy, no, control, gesund, sain ...); otherwise say it with --event.
patients:  where every photograph is of another person, --groups image_id.
exit code: 0 done, 1 when no biomarker could be fitted (the reasons are printed), 2 nothing could be done.

examples, for results measured with --clinical and a table with the columns age, sex, IOP, diagnosis and grade:
  retina-tools associate results.parquet --outcome diagnosis --event glaucoma --reference healthy --out glaucoma.csv
  retina-tools associate results.parquet --outcome IOP --covariates age,sex --exposures "*_dd*" --out pressure.csv
  retina-tools associate results.parquet --outcome grade --event 2 3 4 --out referable.csv
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
        0 when everything was done, 1 when some photographs failed or no association could be fitted, 2 when nothing
        could be done.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except EyeError as error:
        print(f"retina-tools: {in_options(str(error))}", file=sys.stderr)
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
    for key, what in (("patient", "patient"), ("eye", "side; '' for none"), ("image", "file name of the photograph")):
        measure.add_argument(f"--{key}-column", metavar="COLUMN", help=f"column of TABLE with the {what}")
    measure.add_argument("--eye-codes", nargs="+", metavar="CODE=SIDE", help="what its sides mean, such as 1=OD 2=OS")
    measure.add_argument("--masks", type=Path, metavar="FOLDER", help="measure these masks, segment what is missing")
    measure.add_argument("--masks-only", action="store_true", help="segment nothing beside the masks")
    measure.add_argument(
        "--coding", metavar="NAME", help="what the masks' values mean; 'retina-tools codings' lists them"
    )
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
    associate.add_argument("--event", nargs="+", metavar="LEVEL", help="level of the outcome that counts as the event")
    associate.add_argument(
        "--reference", nargs="+", metavar="LEVEL", help="level it is compared with; other levels are left out"
    )
    associate.add_argument(
        "--covariates", nargs="+", default=[], metavar="COLUMN", help="adjust for these, as age,sex or age sex"
    )
    associate.add_argument("--exposures", nargs="+", metavar="PATTERN", help="biomarkers, with * and ?; default all")
    associate.add_argument("--groups", default="patient_id", metavar="COLUMN", help="cluster, default patient_id")
    associate.add_argument("--out", type=Path, required=True, metavar="FILE", help=".csv, .parquet or .xlsx")

    add_train_command(commands)
    evaluate_command.add_to(commands).set_defaults(run=_evaluate)

    codings = commands.add_parser("codings", help="what the values of mask files can mean, for --coding")
    codings.set_defaults(run=_codings)

    catalogue = commands.add_parser("catalogue", help="what every biomarker is, with units and source")
    catalogue.set_defaults(run=_catalogue)
    catalogue.add_argument("--out", type=Path, metavar="FILE", help="write it as .csv, .parquet or .xlsx")
    return parser


def _measure(options: argparse.Namespace) -> int:
    from retina_tools import biomarkers, cohort

    _check_measure(options)
    drawn: cohort.Masks = "segment" if options.masks is None else "given" if options.masks_only else "complete"
    pipeline = cohort.Pipeline(masks=drawn, disc_diameter_um=options.disc_diameter_um)
    eyes = _eyes(options)
    print(
        f"{len(eyes)} photograph{'' if len(eyes) == 1 else 's'} in {options.folder}; the result goes to {options.out}.",
        flush=True,
    )
    rows = []
    try:
        made = cohort.iter_cohort(eyes, pipeline, jobs=options.jobs)
        for row in _with_progress(made, len(eyes), options.quiet):
            rows.append(row)  # noqa: PERF402  (kept when interrupted)
    except KeyboardInterrupt:
        print(f"\nInterrupted after {len(rows)} of {len(eyes)} photographs; writing those.", file=sys.stderr)
    if not rows:
        return 2
    table = cohort.assemble(rows, eyes, pipeline)
    table["error"] = table["error"].map(in_options)
    write_table(table, options.out)
    dictionary = biomarkers.write_dictionary(options.out)
    print(cohort.summarise_run(table))
    if options.masks is not None:
        _say_structures(table)
    print(f"Results: {options.out}\nWhat the columns mean: {dictionary}")
    return int(len(rows) < len(eyes) or (table["error"] != "").any())


def _check_measure(options: argparse.Namespace) -> None:
    """Refuse what can only be a mistake before anything is read."""
    check_writable(options.out)
    for name in ("coding", "masks_only"):
        if getattr(options, name) and options.masks is None:
            option = f"--{name.replace('_', '-')}"
            raise EyeError(f"{option} is for masks; give their folder with --masks, or leave {option} out.")
    for name in ("patient_column", "eye_column", "image_column", "eye_codes"):
        if getattr(options, name) is not None and options.clinical is None:
            option = f"--{name.replace('_', '-')}"
            raise EyeError(f"{option} is for a clinical table; give it with --clinical, or leave {option} out.")
    if options.jobs < 1:
        raise EyeError(f"--jobs is {options.jobs}, wanted the number of worker processes, 1 or more.")
    for name in ("um_per_pixel", "disc_diameter_um"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise EyeError(f"--{name.replace('_', '-')} is {value:g}, wanted a number of micrometres above 0.")


def _eyes(options: argparse.Namespace) -> EyeCollection:
    """The photographs with their rows and masks, and a word on what was left out."""
    from retina_tools import io

    clinical = None
    if options.clinical is not None:
        clinical = io.read_clinical(
            options.clinical,
            patient=options.patient_column,
            eye=options.eye_column,
            image=options.image_column,
            eye_codes=_eye_codes(options.eye_codes),
        )
        if lines := problems_in_words(io.clinical_problems(clinical)):
            print(f"In {options.clinical}:", *lines, sep="\n  ", flush=True)
    eyes = io.read_folder(options.folder, clinical=clinical, um_per_pixel=options.um_per_pixel, leave_out=options.masks)
    if options.masks is not None:
        eyes = io.add_mask_folder(eyes, options.masks, coding=options.coding)
    if clinical is not None:
        joined = int(eyes.table["_clinical_row"].sum())
        print(f"{joined} of {len(eyes)} photographs have a row in {options.clinical}.")
    for note in eyes.table.attrs.get("notes", []):
        print(f"  {note}")
    return eyes


def _eye_codes(given: Sequence[str] | None) -> dict[str, str] | None:
    if given is None:
        return None
    pairs = [word.partition("=") for word in cut(given)]
    if wrong := [code for code, sign, side in pairs if not (code and sign and side)]:
        raise EyeError(f"--eye-codes has {wrong[0]!r}, wanted a code and its side, such as --eye-codes 1=OD 2=OS.")
    return {code: side for code, _, side in pairs}


def _with_progress(rows: Iterator[dict[str, Any]], total: int, quiet: bool) -> Iterator[dict[str, Any]]:
    """The same rows, with a bar on a terminal, or a line now and then in a log."""
    if quiet:
        yield from rows
    elif sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(rows, total=total, unit="eye")
    else:
        start = said = time.monotonic()
        for done, row in enumerate(rows, start=1):
            yield row
            now = time.monotonic()
            if done < total and now - said >= _SECONDS_BETWEEN_LINES:
                said = now
                left = (now - start) / done * (total - done)
                print(f"{done} of {total} photographs, about {left / 60:.0f} min left", file=sys.stderr, flush=True)


def _say_structures(table: pd.DataFrame) -> None:
    columns = ["structures_given", "structures_segmented"]
    if not set(columns) <= set(table.columns):
        return
    for (given, segmented), alike in table[table["error"] == ""].groupby(columns):
        print(f"{len(alike)} with {given or 'nothing'} from the masks, {segmented or 'nothing'} segmented.")


def _associate(options: argparse.Namespace) -> int:
    import fnmatch

    from retina_tools import biomarkers, cohort, statistics

    check_writable(options.out)
    table = read_table(options.results)
    exposures = cohort.biomarker_columns(table)
    if patterns := cut(options.exposures, exposures):
        exposures = [name for name in exposures if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    if not exposures:
        raise EyeError(
            f"No biomarker column of {options.results} was chosen; "
            "the table must come from 'retina-tools measure', and --exposures takes patterns such as 'calibre_*'."
        )
    associations = statistics.associate(
        table,
        options.outcome,
        exposures,
        covariates=cut(options.covariates, list(table.columns)),
        groups=options.groups,
        event=options.event,
        reference=options.reference,
    )
    write_table(associations, options.out)
    print(_associations_in_words(associations))
    dictionary = biomarkers.write_dictionary(options.out)
    print(f"Associations: {options.out}\nWhat the biomarkers mean: {dictionary}")
    return int(not (associations["status"] == "ok").any())


def _associations_in_words(associations: pd.DataFrame) -> str:
    """What was compared, how many could be fitted, and why the others could not."""
    first = associations.iloc[0]
    lines = [f"Outcome {first['outcome']}: an amount."]
    if first["event"]:
        lines = [f"Outcome {first['outcome']}: event {first['event']}, reference {first['reference']}."]
    failed = associations[associations["status"] != "ok"]
    found = int((associations["q"] < 0.05).sum())
    lines.append(
        f"{len(associations) - len(failed)} of {len(associations)} biomarkers could be fitted; {found} with q < 0.05."
    )
    for status, count in failed["status"].value_counts().items():
        notes = failed.loc[failed["status"] == status, "note"].value_counts()
        example = "" if len(notes) == 1 else "for example: "
        lines.append(f"  not fitted, {count} {str(status).replace('_', ' ')}: {example}{notes.index[0]}.")
    return "\n".join(lines)


def _codings(options: argparse.Namespace) -> int:
    from retina_tools import io

    for row in io.codings().to_dict("records"):
        print(f"{row['coding']} ({row['structures']})\n    {row['meaning']}; {row['used_by']}")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    if options.out is not None:
        check_writable(options.out)
    made = evaluate_command.run(options)
    print(made.said)
    if options.out is not None:
        for name, table in made.tables.items():
            ending = f".{name}{options.out.suffix}" if name else options.out.suffix
            write_table(table, options.out.with_name(f"{options.out.stem}{ending}"))
        print(f"Per eye: {options.out}; beside it {', '.join(filter(None, made.tables))}")
    if options.report is not None:
        print(f"Report: {options.report}")
    return int((made.tables[""]["status"] == "failed").any())


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


if __name__ == "__main__":
    sys.exit(main())
