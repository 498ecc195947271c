#!/usr/bin/env python3
"""Draws a dashboard from a live Prometheus, to look at where there is no Grafana.

    python3 -m venv /tmp/picture && /tmp/picture/bin/pip install matplotlib
    /tmp/picture/bin/python grafana/picture.py PROMETHEUS_URL OUT.png [--dashboard overview] [--minutes 15]

The ending of OUT says what is drawn: png or svg. It shows the panels where the dashboard puts them, with its titles,
units, colours and queries; it is not Grafana's exact look.
"""

import argparse
import json
import math
import re
import textwrap
import time
from datetime import datetime

import matplotlib

# Without a screen.
matplotlib.use("Agg")

import matplotlib.dates
import matplotlib.pyplot as pyplot
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

import check
import make

# Inches of a grid column and row; 24 columns are as wide as a usual screen at 100 dots an inch.
COLUMN, ROW = 0.72, 0.34
PAGE, BOX, EDGE, TEXT, FAINT, GRID = "#111217", "#181b1f", "#2c3235", "#ccccdc", "#8e8e99", "#24282e"
# Grafana's names for its colours, and its classic palette for series without one.
COLOURS = {"green": "#73bf69", "semi-dark-green": "#56a64b", "yellow": "#f2cc0c", "orange": "#ff9830", "red": "#f2495c",
           "dark-red": "#c4162a", "blue": "#5794f2", "purple": "#b877d9", "transparent": "none"}
PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
HEAT = LinearSegmentedColormap.from_list("heat", [BOX, "#7f2704", "#d94801", "#fd8d3c", "#fdd0a2", "#fff5eb"])


# --- Values ---------------------------------------------------------------------------------

def shown(value, unit, decimals=None):
    """The value as Grafana writes it: scaled to a unit that can be read."""
    if value is None or math.isnan(value):
        return "–"
    if unit == "percentunit":
        return number(value * 100, decimals) + "%"
    if unit == "s":
        return in_seconds(value)
    if unit == "dtdurations":
        return in_days(value)
    if unit == "bytes":
        return in_steps(value, 1024, ["B", "KiB", "MiB", "GiB"])
    if unit == "currencyUSD":
        return "$" + number(value, decimals)
    after = unit.removeprefix("suffix:") if unit.startswith("suffix:") else {"reqps": " req/s"}.get(unit, "")
    if unit != "none" and abs(value) >= 1000:
        return in_steps(value, 1000, ["", "K", "Mil", "Bil"]) + after
    return number(value, decimals) + after


def number(value, decimals=None):
    if decimals is None:
        # Three digits, as Grafana does when nothing is said.
        decimals = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:.{min(decimals, 6)}f}".rstrip("0").rstrip(".") if decimals else f"{value:.0f}"
    return f"{value:.{decimals}f}"


def in_seconds(value):
    for limit, factor, name in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (60, 1, "s"), (3600, 1 / 60, "min")):
        if abs(value) < limit:
            return f"{number(value * factor)} {name}" if value else "0 s"
    return f"{number(value / 3600)} h"


def in_days(value):
    days, rest = divmod(int(value), 86_400)
    hours, minutes = divmod(rest // 60, 60)
    return (f"{days} d " if days else "") + f"{hours:02}:{minutes:02}:{rest % 60:02}"


def in_steps(value, step, names):
    power = min(int(math.log(abs(value), step)), len(names) - 1) if abs(value) >= 1 else 0
    scaled = number(value / step ** power)
    return f"{scaled} {names[power]}".strip()


def colour(name):
    return COLOURS.get(name, name)


def colour_at(value, steps):
    """The colour of the last threshold that the value reaches."""
    reached = [step for step in steps if step["value"] is None or value >= step["value"]]
    return colour(reached[-1]["color"])


# --- Series ---------------------------------------------------------------------------------

class Source:
    def __init__(self, url, minutes):
        self.prometheus = check.Prometheus(url)
        self.end = time.time()
        self.start = self.end - 60 * minutes
        # A panel that does not say how many points it wants gets about one for each two pixels.
        self.seconds = 60 * minutes
        self.window = f"{minutes}m"

    def step(self, panel):
        return max(1, round(self.seconds / panel.get("maxDataPoints", 240)))

    def of(self, panel):
        """[(legend, labels, times, values)] of the panel's queries."""
        made = []
        for target in panel["targets"]:
            expression = check.filled(target["expr"], self.window)
            if target["instant"]:
                answer = self.prometheus.get("/api/v1/query", query=expression, time=self.end)
            else:
                answer = self.prometheus.get("/api/v1/query_range", query=expression, start=self.start, end=self.end,
                                             step=self.step(panel))
            if answer["status"] != "success":
                raise SystemExit(f"{panel['title']}: {answer['error']}")
            for series in answer["data"]["result"]:
                points = [(float(at), float(value)) for at, value in series.get("values") or [series["value"]]]
                made.append((legend(target["legendFormat"], series["metric"]), series["metric"],
                             [at for at, _ in points], [value for _, value in points]))
        return made


def legend(template, labels):
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match[1], ""), template)


def upper_bound(labels):
    # "+Inf" is understood by float(), but would be sorted as text before the numbers.
    return float(labels["le"])


def apart(series):
    """Cumulated buckets become how many fell into each: [(bound, {time: count})]."""
    ordered = sorted(series, key=lambda one: upper_bound(one[1]))
    below, made = {}, []
    for _, labels, times, values in ordered:
        here = dict(zip(times, values))
        made.append((labels["le"], {at: max(0.0, value - below.get(at, 0.0)) for at, value in here.items()}))
        below = here
    return made


def series_colour(panel, name, index):
    for override in panel["fieldConfig"]["overrides"]:
        if re.search(override["matcher"]["options"].strip("/"), name):
            return colour(override["properties"][0]["value"]["fixedColor"])
    return PALETTE[index % len(PALETTE)]


# --- Panels ---------------------------------------------------------------------------------

def draw_stat(figure, box, panel, series, _):
    x, y, w, h = box
    defaults = panel["fieldConfig"]["defaults"]
    if not series:
        text, tint = defaults["noValue"], FAINT
    elif panel["options"]["textMode"] == "name":
        text = ", ".join(name for name, *_ in series)
        tint = colour_at(series[0][3][-1], defaults["thresholds"]["steps"])
    else:
        value = series[0][3][-1]
        text = shown(value, defaults["unit"], defaults.get("decimals"))
        tint = colour_at(value, defaults["thresholds"]["steps"])
    # A long word has less room.
    size = min(26, 200 / max(len(text), 1) * (w * figure.get_figwidth() / 2.1))
    figure.text(x + w / 2, y + h * 0.40, text, color=tint, fontsize=size, ha="center", va="center", weight="bold")


def plain_axes(figure, box, source, bottom=0.30, left=0.62):
    """Axes inside of a box; margins in inches, so that small panels are not all margin."""
    x, y, w, h = box
    width, height = figure.get_size_inches()
    axes = figure.add_axes([x + left / width, y + bottom / height, w - (left + 0.14) / width,
                            h - (bottom + 0.36) / height])
    axes.set_facecolor(BOX)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(colors=FAINT, labelsize=7.5, length=0)
    if source:
        axes.set_xlim(moment(source.start), moment(source.end))
        axes.xaxis.set_major_locator(matplotlib.dates.AutoDateLocator(minticks=3, maxticks=7))
        axes.xaxis.set_major_formatter(matplotlib.dates.DateFormatter("%H:%M"))
    return axes


def moment(seconds):
    return datetime.fromtimestamp(seconds)


def legend_rows(entries, width):
    """Splits legend entries into lines that fit; a character of this size is about 0.062 inches wide."""
    rows, used = [[]], 0.0
    for entry in entries:
        length = 0.062 * len(entry[0]) + 0.3
        if rows[-1] and used + length > width - 0.2:
            rows.append([])
            used = 0.0
        rows[-1].append((entry, used))
        used += length
    return rows


def draw_legend(figure, box, entries):
    """Below the axes; returns how many inches it takes."""
    x, y, w, _ = box
    width, height = figure.get_size_inches()
    rows = legend_rows(entries, w * width)
    for number_, row in enumerate(reversed(rows)):
        line = y + (0.10 + 0.17 * number_) / height
        for (text, tint), offset in row:
            left = x + (0.12 + offset) / width
            figure.add_artist(pyplot.Line2D([left, left + 0.11 / width], [line, line], color=tint, linewidth=2.5))
            figure.text(left + 0.16 / width, line, text, color=TEXT, fontsize=7.5, va="center")
    return 0.17 * len(rows)


def draw_lines(figure, box, panel, series, source):
    defaults = panel["fieldConfig"]["defaults"]
    unit, decimals = defaults["unit"], defaults.get("decimals")
    # Series that are there and were 0 all the time would fill the legend of a picture, which nobody can scroll.
    stacked = defaults["custom"]["stacking"]["mode"] == "normal"
    finite = [one for one in series if any(math.isfinite(value) for value in one[3])]
    drawn = [one for one in finite if not stacked or any(one[3])] or finite
    tints = [series_colour(panel, name, index) for index, (name, *_) in enumerate(drawn)]
    entries = [(f"{name}  {shown(last(values), unit, decimals)}", tint)
               for (name, _, _, values), tint in zip(drawn, tints)]
    if len(drawn) < len(finite):
        entries.append((f"({len(finite) - len(drawn)} more at 0)", FAINT))
    axes = plain_axes(figure, box, source, bottom=0.28 + draw_legend(figure, box, entries))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, unit)))
    if stacked:
        draw_stack(axes, drawn, tints)
    else:
        for (_, _, times, values), tint in zip(drawn, tints):
            # NaN makes a gap, as in Grafana.
            axes.plot([moment(at) for at in times], values, color=tint, linewidth=1.2)
            if "min" in defaults and len(drawn) == 1:
                axes.fill_between([moment(at) for at in times], values, color=tint, alpha=0.10, linewidth=0)
    if "min" in defaults:
        axes.set_ylim(bottom=defaults["min"])
    if "max" in defaults:
        axes.set_ylim(top=defaults["max"])
    elif "axisSoftMax" in defaults["custom"]:
        axes.set_ylim(top=max(axes.get_ylim()[1], defaults["custom"]["axisSoftMax"]) if any_above_zero(drawn)
                      else defaults["custom"]["axisSoftMax"])
    elif not any_above_zero(drawn):
        # All 0: without this the axis would show hundredths of nothing.
        axes.set_ylim(top=1)
    if defaults["custom"]["thresholdsStyle"]["mode"] == "dashed":
        limit = defaults["thresholds"]["steps"][-1]
        axes.axhline(limit["value"], color=colour(limit["color"]), linewidth=1, linestyle=(0, (5, 4)))
    axes.yaxis.set_major_locator(ticks(unit, decimals, axes.get_ylim()[1]))
    if not drawn:
        nothing(axes)


def any_above_zero(series):
    return any(value > 0 for *_, values in series for value in values if math.isfinite(value))


def ticks(unit, decimals, top):
    if unit == "bytes" and top > 0:
        # Round in steps of 1024 too, so that the axis says 128 MiB and not 122 MiB.
        return MultipleLocator(2 ** math.ceil(math.log2(top / 5)))
    return MaxNLocator(5, integer=decimals == 0 and unit in ("short", "none"))


def last(values):
    return next((value for value in reversed(values) if math.isfinite(value)), math.nan)


def draw_stack(axes, series, tints):
    moments = sorted({at for _, _, times, _ in series for at in times})
    layers = []
    for _, _, times, values in series:
        here = dict(zip(times, values))
        layers.append([here.get(at, 0.0) if math.isfinite(here.get(at, 0.0)) else 0.0 for at in moments])
    if layers:
        axes.stackplot([moment(at) for at in moments], layers, colors=tints, alpha=0.55, linewidth=0)
        below = [0.0] * len(moments)
        for layer, tint in zip(layers, tints):
            below = [a + b for a, b in zip(below, layer)]
            axes.plot([moment(at) for at in moments], below, color=tint, linewidth=0.9)


def draw_heat(figure, box, panel, series, source):
    axes = plain_axes(figure, box, source)
    rows = apart(series)
    moments = sorted({at for _, counts in rows for at in counts})
    if not moments:
        return nothing(axes)
    unit = panel["options"]["yAxis"]["unit"]
    # The root, so that few beside many are still seen; the dashboard's exponent.
    grid = [[counts.get(at, 0.0) ** 0.5 for at in moments] for _, counts in rows]
    half = source.step(panel) / 2
    edges = [moment(at) for at in [*(at - half for at in moments), moments[-1] + half]]
    axes.pcolormesh(edges, range(len(rows) + 1), grid, cmap=HEAT, vmin=0, edgecolors=BOX, linewidth=0.6)
    axes.set_yticks(range(1, len(rows) + 1), [shown(float(bound), unit) for bound, _ in rows])
    axes.set_ylim(0, len(rows))
    return None


def draw_bars(figure, box, panel, series, _):
    defaults = panel["fieldConfig"]["defaults"]
    if panel["targets"][0]["format"] == "heatmap":
        rows = [(bound, next(iter(counts.values()), 0.0)) for bound, counts in apart(series)]
    else:
        rows = [(name, values[-1]) for name, _, _, values in series]
    longest = max((len(name) for name, _ in rows), default=0)
    axes = plain_axes(figure, box, None, bottom=0.12, left=0.2 + 0.075 * longest)
    most = max((value for _, value in rows), default=0) or 1
    places = range(len(rows), 0, -1)
    axes.barh(places, [most * 1.2] * len(rows), color=GRID, height=0.68)
    axes.barh(places, [value for _, value in rows], height=0.68,
              color=[colour_at(value, defaults["thresholds"]["steps"]) for _, value in rows])
    for place, (_, value) in zip(places, rows):
        axes.text(value + most * 0.02, place, shown(value, defaults["unit"], defaults.get("decimals")), color=TEXT,
                  fontsize=7.5, va="center")
    axes.set_yticks(list(places), [name for name, _ in rows])
    axes.set_xticks([])
    axes.set_xlim(0, most * 1.2)


def draw_states(figure, box, panel, series, source):
    meanings = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    entries = [(meaning["text"], colour(meaning["color"])) for meaning in meanings.values()]
    longest = max((len(name) for name, *_ in series), default=0)
    axes = plain_axes(figure, box, source, bottom=0.28 + draw_legend(figure, box, entries), left=0.2 + 0.07 * longest)
    for place, (_, _, times, values) in enumerate(reversed(series)):
        for first, following, value in runs(times, values, source.step(panel)):
            meaning = meanings[str(int(value))]
            axes.barh(place, moment(following) - moment(first), left=moment(first), height=0.8,
                      color=colour(meaning["color"]), alpha=0.7)
    axes.set_yticks(range(len(series)), [name for name, *_ in reversed(series)])
    axes.set_ylim(-0.6, max(len(series), 1) - 0.4)
    if not series:
        nothing(axes)


def runs(times, values, step):
    """(from, to, value) of equal values that follow each other."""
    made = []
    for at, value in zip(times, values):
        if made and made[-1][2] == value and at - made[-1][1] <= step:
            made[-1][1] = at
        else:
            if made and at - made[-1][1] <= step:
                made[-1][1] = at
            made.append([at, at, value])
    return made


def nothing(axes):
    axes.set_yticks([])
    axes.text(0.5, 0.5, "No data", color=FAINT, ha="center", va="center", transform=axes.transAxes)


DRAW = {"stat": draw_stat, "timeseries": draw_lines, "heatmap": draw_heat, "bargauge": draw_bars,
        "state-timeline": draw_states}


# --- The page -------------------------------------------------------------------------------

def draw(dashboard, source):
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    width, top = 24 * COLUMN + 0.2, 0.5
    height = rows * ROW + top + 0.1
    figure = pyplot.figure(figsize=(width, height), facecolor=PAGE)
    middle = 1 - 0.26 / height
    figure.text(0.12 / width, middle, dashboard["title"], color=TEXT, fontsize=14, weight="bold", va="center")
    span = f"{moment(source.start):%Y-%m-%d %H:%M} to {moment(source.end):%H:%M}"
    figure.text(1 - 0.12 / width, middle, span, color=FAINT, fontsize=10, va="center", ha="right")
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        box = ((0.1 + place["x"] * COLUMN) / width, 1 - (top + (place["y"] + place["h"]) * ROW) / height,
               place["w"] * COLUMN / width, place["h"] * ROW / height)
        x, y, w, h = box
        if panel["type"] == "row":
            figure.text(x + 0.05 / width, y + h / 2, "▾ " + panel["title"], color=TEXT, fontsize=10.5, va="center")
            continue
        gap = 0.035
        figure.add_artist(FancyBboxPatch(
            (x + gap / width, y + gap / height), w - 2 * gap / width, h - 2 * gap / height,
            # Below the axes, which are drawn at 0.
            boxstyle="square,pad=0", facecolor=BOX, edgecolor=EDGE, linewidth=0.8, zorder=-1))
        # What does not fit is cut, as Grafana does.
        room = int(place["w"] * COLUMN / 0.083)
        figure.text(x + 0.12 / width, y + h - 0.2 / height, textwrap.shorten(panel["title"], room, placeholder="…"),
                    color=TEXT, fontsize=9.5, va="center")
        DRAW[panel["type"]](figure, box, panel, source.of(panel), source)
    return figure


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prometheus", metavar="PROMETHEUS_URL")
    parser.add_argument("out", metavar="OUT")
    parser.add_argument("--dashboard", default="overview", choices=sorted(make.DASHBOARDS))
    parser.add_argument("--minutes", type=int, default=15)
    arguments = parser.parse_args()
    dashboard = json.loads((make.FOLDER / f"{arguments.dashboard}.json").read_text(encoding="utf-8"))
    figure = draw(dashboard, Source(arguments.prometheus, arguments.minutes))
    figure.savefig(arguments.out, facecolor=PAGE, dpi=100)


if __name__ == "__main__":
    main()
