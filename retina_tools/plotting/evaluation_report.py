"""An evaluation as one HTML page that needs no network: what was tested, figures, tables, and what the numbers mean."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from typing import Any, Final

import pandas as pd
import plotly.graph_objects as go

from retina_tools import __version__
from retina_tools.plotting.agreement import plot_agreement, plot_robustness
from retina_tools.plotting.curves import plot_calibration, plot_free_response, plot_precision_recall
from retina_tools.plotting.theme import OKABE_ITO, describe
from retina_tools.segmentation.evaluation import MEASURES, Evaluation, label_of, pool, robustness_table, summarise
from retina_tools.segmentation.evaluation.card import POOLED_LABELS

__all__ = ["evaluation_report"]

# Measures that have a figure of their own, eye by eye.
_BY_EYE: Final = ("dice", "cldice", "path_correct", "accuracy", "vcdr_error", "error_dd")
_STYLE: Final = """
body { font: 16px/1.5 system-ui, 'Segoe UI', Arial, sans-serif; color: #24292f; max-width: 1020px; margin: 2em auto;
  padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; font-size: 15px; }
th, td { text-align: left; padding: .25em .9em .25em 0; border-bottom: 1px solid #e5e7eb; vertical-align: top; }
figure { margin: 1.5em 0; overflow-x: auto; } figcaption { color: #6b7280; font-size: 14px; }
dt { font-weight: 600; margin-top: .5em; } dd { margin: 0; }
"""


def evaluation_report(
    evaluation: Evaluation,
    *,
    trained_on: str = "",
    robustness: pd.DataFrame | None = None,
    refuge: pd.DataFrame | None = None,
    summary: pd.DataFrame | None = None,
    pooled: pd.DataFrame | None = None,
) -> str:
    """Write a page about an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        From ``evaluation.examine``.
    trained_on : str
        What the segmenter learned from, in words.
    robustness : pandas.DataFrame, optional
        From ``evaluation.robustness``.
    refuge : pandas.DataFrame, optional
        From ``evaluation.refuge``.
    summary, pooled : pandas.DataFrame, optional
        From ``evaluation.summarise`` and ``evaluation.pool``, where they are made already.

    Returns
    -------
    str
        HTML; the figures can be enlarged and read by mouse, their descriptions stand below them.
    """
    means = summarise(evaluation.table) if summary is None else summary
    together = pool(evaluation) if pooled is None else pooled
    table = evaluation.table
    title = f"{evaluation.segmenter} on {evaluation.dataset}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{table['image_id'].nunique()} eyes of {table['patient_id'].nunique()} patients. Trained on: "
        f"{html.escape(trained_on or 'not stated')}. All is counted inside the field of view, at the photograph's own "
        "size. Intervals are 95 %, percentiles of a bootstrap over patients. "
        f"Made with retina_tools {__version__}.</p>",
        "<h2>Eye by eye</h2>",
        _table(_per_eye(means[means["n"] > 0])),
    ]
    figures = list(_figures(evaluation))
    parts += [
        _figure(figure, with_script=place == 0) for place, (group, figure) in enumerate(figures) if group == "eye"
    ]
    if len(together):
        parts += ["<h2>All eyes together</h2>", _table(_together(together))]
        drawn = any(group == "eye" for group, _ in figures)
        curves = [figure for group, figure in figures if group == "set"]
        parts += [_figure(figure, with_script=not drawn and place == 0) for place, figure in enumerate(curves)]
    if refuge is not None:
        parts += ["<h2>By the protocol of REFUGE</h2>", _table(_refuge(refuge))]
    if robustness is not None:
        parts += ["<h2>Photographs made worse</h2>", *_robustness(robustness, with_script=not figures)]
    if len(absent := means[means["missing"] > 0]):
        parts += ["<h2>Values that are missing</h2>", _table(_missing(absent))]
    parts += ["<h2>What the numbers mean</h2>", _definitions(means)]
    page = "\n".join(parts)
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n{page}\n</body></html>\n'


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, go.Figure]]:
    valued = evaluation.table.dropna(subset="value")
    for measure in _BY_EYE:
        if (valued["measure"] == measure).any():
            yield "eye", plot_agreement(evaluation.table, measure, title=MEASURES[measure].label)
    # Only so many curves can be told apart in one figure.
    most = len(OKABE_ITO)
    pixels = {label_of(name): evaluation.pixels(name) for name in evaluation.tallies}
    true = dict([(name, tally) for name, tally in pixels.items() if tally.true.sum()][:most])
    if true:
        yield "set", plot_precision_recall(true, title="Precision and recall of pixels")
        yield "set", plot_calibration(true, title="Calibration of pixels")
    lesions = [name for name, found in evaluation.detections.items() if any(one[0].lesions for _, one in found)][:most]
    if lesions:
        curves = {label_of(name): evaluation.free_response(name) for name in lesions}
        yield "set", plot_free_response(curves, title="Lesions found and false alarms")


def _figure(figure: go.Figure, *, with_script: bool) -> str:
    drawing = figure.to_html(full_html=False, include_plotlyjs=with_script, include_mathjax=False)
    return f"<figure>{drawing}<figcaption>{html.escape(describe(figure))}</figcaption></figure>"


def _robustness(table: pd.DataFrame, *, with_script: bool) -> Iterator[str]:
    for structure, measure in table[["structure", "measure"]].drop_duplicates().itertuples(index=False):
        title = f"{MEASURES[str(measure)].label} of {label_of(str(structure)).lower()}"
        yield _figure(plot_robustness(table, str(structure), str(measure), title=title), with_script=with_script)
        with_script = False
        wide = robustness_table(table, str(structure), str(measure)).round(3)
        wide.columns = [str(column) for column in wide.columns]
        yield _table(wide.rename_axis("kind").reset_index())


def _per_eye(means: pd.DataFrame) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "Set": row["dataset"],
            "Structure": label_of(row["structure"]),
            "Measure": MEASURES[row["measure"]].label,
            "Mean": _with_range(row, "mean"),
            "Median": f"{row['median']:.3f}",
            "Worst": f"{row['worst']:.3f} ({row['worst_image']})" if row["worst_image"] else "",
            "Eyes": row["n"],
        }
        for row in means.to_dict("records")
    )
    return rows if len(set(means["dataset"])) > 1 else rows.drop(columns="Set", errors="ignore")


def _together(pooled: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Structure": label_of(row["structure"]),
            "Measure": POOLED_LABELS[row["measure"]],
            "Value": "none" if math.isnan(row["value"]) else _with_range(row, "value"),
            "Eyes": row["n"],
        }
        for row in pooled.to_dict("records")
    )


def _refuge(found: pd.DataFrame) -> pd.DataFrame:
    shown = found.reset_index()[["definition", "value", "n", "missed"]]
    shown["value"] = shown["value"].map("{:.3f}".format)
    return shown.set_axis(["Measure", "Value", "Images", "Not found"], axis=1)


def _missing(absent: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Structure": [label_of(name) for name in absent["structure"]],
            "Measure": [MEASURES[name].label for name in absent["measure"]],
            "Why": absent["why"].to_numpy(),
        }
    )


def _with_range(row: dict[Any, Any], name: str) -> str:
    bounds = "" if math.isnan(row["ci_low"]) else f" ({row['ci_low']:.3f} to {row['ci_high']:.3f})"
    return f"{row[name]:.3f}{bounds}"


def _definitions(means: pd.DataFrame) -> str:
    used = [one for name, one in MEASURES.items() if name in set(means["measure"])]
    pairs = [
        f"<dt>{html.escape(one.label)}</dt><dd>{html.escape(one.definition)}."
        f"{f' <small>{html.escape(one.source)}</small>' if one.source else ''}</dd>"
        for one in used
    ]
    return f"<dl>{''.join(pairs)}</dl>"


def _table(table: pd.DataFrame) -> str:
    """A plain table; everything in it is text, never markup."""
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in table.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>" for row in table.to_numpy(object)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
