#!/usr/bin/env python3
"""Checks the dashboards, the runbook's links and, on a live Prometheus, each query of dashboards and rules.

    grafana/check.py                   what can be seen in the files
    grafana/check.py PROMETHEUS_URL    also runs the queries; that Prometheus must have scraped a Candor under traffic
                                       and must have loaded prometheus/rules

Exit code 1 and a line for each fault, else a count. Needs nothing but Python.
"""

import json
import math
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import make

ROOT = Path(__file__).resolve().parent.parent
GRID_WIDTH = 24
# The units in use. Grafana shows a unit that it does not know as text behind the number, so a misspelt one is not seen.
UNITS = {"short", "none", "percentunit", "s", "dtdurations", "bytes", "reqps", "currencyUSD", make.PER_SECOND,
         make.PER_MINUTE}
NEEDED_VARIABLES = {"datasource", "job", "instance"}
# Prometheus makes these itself, the second one only while an alert fires.
BUILT_IN_METRICS = {"up", "ALERTS"}
# A name that has a colon is recorded by prometheus/rules over all servers of a job, so it has no instance.
RECORDED = ":"
PROMQL_WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool",
                "atan2", "inf", "nan", "start", "end"}


class Faults(list):
    def add(self, where, what):
        self.append(f"{where}: {what}")


# --- PromQL, as far as it is needed ---------------------------------------------------------

def blanked(pattern, text, filler=" "):
    """The text with what matches overwritten, so that everything else stays where it was."""
    return re.sub(pattern, lambda match: filler * len(match[0]), text)


def without_strings(expression):
    """No word of a label's value may be taken for anything else."""
    return blanked(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', expression, "_")


def metrics_of(expression):
    """The metrics that the expression selects, each with its matchers."""
    bare = blanked(r"\[[^\]]*\]", without_strings(expression))
    # The lists of labels in aggregations and matchings hold names that are not metrics.
    bare = blanked(r"\w+\s+(?:by|without)\s*\([^)]*\)", bare)
    bare = blanked(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", bare)
    found = []
    # The look-behind leaves out the unit of a duration as in `offset 7d`.
    for match in re.finditer(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?", bare):
        if match[2] == "(" or match[1].lower() in PROMQL_WORDS or inside_braces(bare, match.start()):
            continue
        found.append((match[1], expression[match.start(2):match.end(2)] if match[2] else ""))
    return found


def inside_braces(text, position):
    return text.count("{", 0, position) > text.count("}", 0, position)


def ranges_of(expression):
    """(function, window) of each range: ("rate", "5m")."""
    bare = without_strings(expression)
    return re.findall(r"(\w+)\s*\(\s*[\w:]+\s*(?:\{[^}]*\})?\s*\[([^\]]*)\]", bare)


def variables_of(text):
    return set(re.findall(r"\$\{?(\w+)", text))


# --- Files ----------------------------------------------------------------------------------

def panels_of(dashboard):
    for panel in dashboard.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def lint_dashboards(dashboards, faults):
    """`dashboards` are file name -> content."""
    uids, titles = {}, {}
    for name, dashboard in dashboards.items():
        if dashboard.get("id") is not None:
            faults.add(name, "has an id, which belongs to one installation")
        if dashboard.get("schemaVersion") != 41:
            faults.add(name, "schemaVersion is not 41")
        if dashboard.get("editable") is not False:
            faults.add(name, "is editable: what is changed in the browser would be lost")
        for seen, key in ((uids, "uid"), (titles, "title")):
            value = dashboard.get(key)
            if not value:
                faults.add(name, f"no {key}")
            elif value in seen:
                faults.add(name, f"{key} {value!r} is also that of {seen[value]}")
            seen[value] = name
        lint_variables(name, dashboard, faults)
        lint_annotations(name, dashboard, faults)
        lint_panels(name, dashboard, faults)


def lint_variables(name, dashboard, faults):
    variables = dashboard.get("templating", {}).get("list", [])
    names = [variable["name"] for variable in variables]
    for missing in sorted(NEEDED_VARIABLES - set(names)):
        faults.add(name, f"no variable {missing}")
    for double in sorted({one for one in names if names.count(one) > 1}):
        faults.add(name, f"two variables {double}")
    for variable in variables:
        if variable["type"] != "query":
            continue
        where = f"{name} / variable {variable['name']}"
        lint_source(where, variable, faults)
        undefined = variables_of(variable["definition"]) - set(names)
        if undefined:
            faults.add(where, f"undefined variable {', '.join(sorted(undefined))}")


def lint_annotations(name, dashboard, faults):
    for annotation in dashboard.get("annotations", {}).get("list", []):
        where = f"{name} / annotation {annotation['name']}"
        lint_source(where, annotation, faults)
        lint_variables_used(where, annotation["expr"], dashboard, faults)


def lint_source(where, holder, faults):
    if holder.get("datasource") != make.SOURCE:
        faults.add(where, "the data source is not ${datasource}")


def lint_variables_used(where, text, dashboard, faults):
    defined = {variable["name"] for variable in dashboard.get("templating", {}).get("list", [])}
    for used in sorted(variables_of(text)):
        if used not in defined and not used.startswith("__"):
            faults.add(where, f"undefined variable {used}")


def lint_panels(name, dashboard, faults):
    ids, titles, placed = set(), set(), []
    for panel in panels_of(dashboard):
        where = f"{name} / {panel.get('title') or '(no title)'}"
        if panel.get("id") in ids:
            faults.add(where, f"panel id {panel.get('id')} twice")
        ids.add(panel.get("id"))
        place = panel["gridPos"]
        if place["x"] < 0 or place["x"] + place["w"] > GRID_WIDTH:
            faults.add(where, "reaches beyond the grid")
        for other, title in placed:
            if overlap(place, other):
                faults.add(where, f"overlaps {title}")
        placed.append((place, panel.get("title")))
        if not panel.get("title"):
            faults.add(where, "no title")
        if panel["type"] == "row":
            continue
        if panel.get("title") in titles:
            faults.add(where, "two panels have this title")
        titles.add(panel.get("title"))
        lint_panel(where, panel, dashboard, faults)


def overlap(a, b):
    return (a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"])


def lint_panel(where, panel, dashboard, faults):
    if not panel.get("description"):
        faults.add(where, "no description")
    unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit")
    if not unit:
        faults.add(where, "no unit")
    elif unit not in UNITS:
        faults.add(where, f"unknown unit {unit}")
    lint_source(where, panel, faults)
    if not panel.get("targets"):
        faults.add(where, "no query")
    queries = [target["refId"] for target in panel.get("targets", [])]
    for double in sorted({one for one in queries if queries.count(one) > 1}):
        faults.add(where, f"two queries {double}")
    for target in panel.get("targets", []):
        here = f"{where} / {target['refId']}"
        lint_source(here, target, faults)
        lint_variables_used(here, target["expr"] + target.get("legendFormat", ""), dashboard, faults)
        lint_expression(here, target["expr"], faults)


def lint_expression(where, expression, faults):
    for function, window in ranges_of(expression):
        if function in ("rate", "irate") and window != make.STEP:
            faults.add(where, f"{function} over {window} and not over $__rate_interval")
        elif window not in (make.STEP, make.SHOWN, "1d"):
            faults.add(where, f"{function} over {window}")
    if re.search(r"\birate\s*\(", expression):
        faults.add(where, "irate shows single scrapes")
    for metric, matchers in metrics_of(expression):
        for label in ["job"] if RECORDED in metric or metric == "ALERTS" else ["job", "instance"]:
            if not re.search(rf'\b{label}=~"\${label}"', matchers):
                faults.add(where, f'{metric} is not narrowed with {label}=~"${label}"')


def lint_runbook(rules, tests, runbook, dashboards, faults):
    """Each alert has severity, summary, a section of the runbook, a test that fires and one that does not."""
    headings = {anchor(line.lstrip("# ")) for line in runbook.splitlines() if line.startswith("#")}
    alerts = re.split(r"^ +- alert: ", rules, flags=re.M)[1:]
    for text in alerts:
        name = text.split("\n", 1)[0].strip()
        # The last alert of a group is followed by the next group.
        text = text.split("\n  - name:", 1)[0]
        for key in ("severity", "summary", "runbook"):
            if not re.search(rf"^ +{key}: \S", text, flags=re.M):
                faults.add(name, f"no {key}")
        link = re.search(r"^ +runbook: prometheus/RUNBOOK\.md#(\S+)$", text, flags=re.M)
        if link and link[1] not in headings:
            faults.add(name, f"the runbook has no section #{link[1]}")
        if link and link[1] != anchor(name):
            faults.add(name, f"links to the section of another alert, #{link[1]}")
        cases = re.findall(rf"alertname: {name}\n +eval_time: \S+\n +exp_alerts:( \[\])?", tests)
        if "" not in cases:
            faults.add(name, "no test in which it fires")
        if " []" not in cases:
            faults.add(name, "no test in which it does not fire")
    for used in re.findall(r"\]\(#([\w-]+)\)", runbook):
        if used not in headings:
            faults.add("RUNBOOK.md", f"links to #{used}, which is not there")
    known = {f"{board['title'].split(' / ')[-1]} / {panel['title']}"
             for board in dashboards.values() for panel in panels_of(board)}
    names = {board["title"].split(" / ")[-1] for board in dashboards.values()}
    for used in re.findall(r"\*((?:%s) / [^*]+)\*" % "|".join(sorted(names)), runbook):
        if re.sub(r"\s+", " ", used) not in known:
            faults.add("RUNBOOK.md", f"names the panel {used!r}, which is not there")
    lint_mentions(dashboards, names, known, {text.split("\n", 1)[0].strip() for text in alerts}, faults)


def lint_mentions(dashboards, names, known, alerts, faults):
    """Panels whose text sends somebody to another panel or to an alert's section send them to one that is there."""
    for name, board in dashboards.items():
        for panel in panels_of(board):
            text = panel.get("description", "")
            where = f"{name} / {panel.get('title')}"
            for match in re.finditer(r"\b(?:%s) / " % "|".join(sorted(names)), text):
                if not any(text.startswith(one, match.start()) for one in known):
                    faults.add(where, f"sends to {text[match.start():match.start() + 50]!r}, which is not there")
            for alert in re.findall(r"\bCandor[A-Z]\w+", text):
                if alert not in alerts:
                    faults.add(where, f"sends to the alert {alert}, which is not there")


def anchor(heading):
    """As GitHub and Grafana make it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# --- A live Prometheus ----------------------------------------------------------------------

class Prometheus:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def get(self, path, **parameters):
        address = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            # A query with a fault is answered with 400 and says in its body what is wrong.
            return json.load(error)


def filled(expression, window):
    """The expression as Grafana would send it for a look at the last `window`."""
    for variable, value in (("$__rate_interval", "1m"), ("$__range", window), ("$job", ".+"), ("$instance", ".+")):
        expression = expression.replace(variable, value)
    return expression


def run_queries(prometheus, dashboards, window, faults):
    """Runs each panel's query; returns how many."""
    known = set(prometheus.get("/api/v1/label/__name__/values")["data"]) | BUILT_IN_METRICS
    count = 0
    for name, dashboard in dashboards.items():
        for panel in panels_of(dashboard):
            for target in panel.get("targets", []):
                count += 1
                where = f"{name} / {panel['title']} / {target['refId']}"
                may_be_empty = (dashboard["uid"], panel["title"], target["refId"]) in make.MAY_BE_EMPTY
                run_query(prometheus, where, target, known, may_be_empty, window, faults)
        for annotation in dashboard["annotations"]["list"]:
            count += 1
            # Annotations are events, and that there were none is well.
            target = {"expr": annotation["expr"], "instant": True}
            run_query(prometheus, f"{name} / annotation {annotation['name']}", target, known, True, window, faults)
    return count


def run_query(prometheus, where, target, known, may_be_empty, window, faults):
    for metric, _ in metrics_of(target["expr"]):
        if metric not in known:
            faults.add(where, f"unknown metric {metric}")
    expression, now = filled(target["expr"], window), time.time()
    if target.get("instant"):
        answer = prometheus.get("/api/v1/query", query=expression, time=now)
    else:
        # The last minutes are enough to see whether there are numbers, and a line may have a gap at its end.
        answer = prometheus.get("/api/v1/query_range", query=expression, start=now - 300, end=now, step=15)
    if answer["status"] != "success":
        faults.add(where, f"PromQL: {answer['error']}")
        return
    values = [float(value) for series in answer["data"]["result"]
              for _, value in series.get("values", [series.get("value")])]
    # A quantile of nothing is NaN in a line, which Grafana draws as a gap; as a number it would be shown.
    if target.get("instant") and any(math.isnan(value) for value in values):
        faults.add(where, "NaN")
    elif any(math.isinf(value) for value in values):
        faults.add(where, "infinity")
    elif not any(math.isfinite(value) for value in values) and not may_be_empty:
        faults.add(where, "no data")


def run_rules(prometheus, faults):
    """Rules that Prometheus has loaded are healthy and ask for metrics that are there; returns how many."""
    known = set(prometheus.get("/api/v1/label/__name__/values")["data"]) | BUILT_IN_METRICS
    rules = [rule for group in prometheus.get("/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
    # A recording rule whose events have not happened yet has no series and is known all the same.
    known |= {rule["name"] for rule in rules if rule["type"] == "recording"}
    if not rules:
        faults.add("rules", "this Prometheus has not loaded any")
    for rule in rules:
        where = f"rule {rule['name']}"
        if rule["health"] != "ok":
            faults.add(where, f"{rule['health']}: {rule.get('lastError', '')}")
        for metric, _ in metrics_of(rule["query"]):
            if metric not in known:
                faults.add(where, f"unknown metric {metric}")
    return len(rules)


# --- All of it ------------------------------------------------------------------------------

def read_dashboards():
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(make.FOLDER.glob("*.json"))}


def read_all(paths):
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths))


def main(arguments):
    if len(arguments) > 1 or arguments[:1] in (["-h"], ["--help"]):
        raise SystemExit(__doc__)
    faults, dashboards = Faults(), read_dashboards()
    if not dashboards:
        faults.add("dashboards", "there are none")
    lint_dashboards(dashboards, faults)
    prometheus = ROOT / "prometheus"
    lint_runbook(read_all((prometheus / "rules").glob("*.yml")), read_all((prometheus / "tests").glob("*.yml")),
                 read_all([prometheus / "RUNBOOK.md"]), dashboards, faults)
    panels = sum(1 for dashboard in dashboards.values() for panel in panels_of(dashboard) if panel["type"] != "row")
    said = f"{len(dashboards)} dashboards, {panels} panels"
    if arguments:
        live = Prometheus(arguments[0])
        # An hour, as somebody would look who was called: it reaches back to traffic that has just ended.
        queries = run_queries(live, dashboards, "1h", faults)
        said += f", {queries} queries, {run_rules(live, faults)} rules"
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{said}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
