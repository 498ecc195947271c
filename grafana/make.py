#!/usr/bin/env python3
"""Writes the dashboards.

    grafana/make.py            writes grafana/dashboards/candor/*.json
    grafana/make.py --check    writes nothing, fails when the files are not what this program would write

The upper part knows Grafana, the lower part knows Candor. A panel's text says what to do when it looks bad, because
whoever looks at a dashboard at night has no other page open.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "dashboards" / "candor"

# Queries that have no data on a healthy server with traffic: (dashboard, panel, query). `check.py` demands data of all
# others.
MAY_BE_EMPTY = {
    ("candor-overview", "Alerts", "A"),
    # Prometheus must have a week behind it.
    ("candor-answers", "Answered share", "B"),
}

# --- Grafana --------------------------------------------------------------------------------

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Each query asks for the chosen servers only, so that a second installation in the same Prometheus stays out.
CHOSEN = 'job=~"$job", instance=~"$instance"'
# A window of at least four scrapes, as Grafana computes it from the data source's interval and the zoom.
STEP = "$__rate_interval"
# The whole time that is shown.
SHOWN = "$__range"

GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e99"
# Infinity holds nothing that the bucket before it does not: both histograms end at the largest value there is.
FINITE = 'le!="+Inf"'


def series(metric, *matchers):
    return f"{metric}{{{', '.join([CHOSEN, *matchers])}}}"


def rate(metric, *matchers, by=""):
    return f"sum{grouped(by)} (rate({series(metric, *matchers)}[{STEP}]))"


def increase(metric, *matchers, by="", window=SHOWN):
    return f"sum{grouped(by)} (increase({series(metric, *matchers)}[{window}]))"


def grouped(by):
    return f" by ({by})" if by else ""


def ratio(part, whole):
    """A share. Where nothing happened there is no sample, instead of 0/0."""
    return f"{part} / ({whole} > 0)"


def or_zero(part, whole):
    """`part`, or 0 while `whole` is there: a status that never happened has no series."""
    return f"({part} or 0 * {whole})"


def quantile(q, histogram, *matchers, by="", window=STEP):
    """A quantile from buckets: `rate` over time, `increase` over all that is shown; the quantile is the same."""
    labels = "le, " + by if by else "le"
    function = "rate" if window == STEP else "increase"
    buckets = series(histogram + "_bucket", *matchers)
    return f"histogram_quantile({q}, sum by ({labels}) ({function}({buckets}[{window}])))"


def known(expression):
    """Without NaN, which is what a quantile of no events is: a comparison with it is never true."""
    return f"{expression} >= 0"


def three_quantiles(histogram, *matchers):
    return [(quantile(q, histogram, *matchers), f"p{int(q * 100)}") for q in (0.5, 0.95, 0.99)]


def steps(first, *later):
    """Threshold steps: the colour from the start, then (value, colour)."""
    return [{"color": first, "value": None}] + [{"color": colour, "value": value} for value, colour in later]


def panel(kind, title, text, unit, queries, *, options, defaults=None, colours=None, instant=False, heat=False):
    """A panel without its place. `queries` are (PromQL, legend)."""
    targets = []
    for number, (expression, legend) in enumerate(queries):
        targets.append({
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": expression,
            "format": "heatmap" if heat else "time_series",
            "instant": instant,
            "legendFormat": legend,
            "range": not instant,
            "refId": "ABCDEFGH"[number],
        })
    overrides = [
        {
            "matcher": {"id": "byRegexp", "options": f"/{name}/"},
            "properties": [{"id": "color", "value": {"fixedColor": colour, "mode": "fixed"}}],
        }
        for name, colour in (colours or {}).items()
    ]
    return {
        "type": kind,
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "targets": targets,
        "options": options,
        "fieldConfig": {
            "defaults": {"unit": unit, "thresholds": {"mode": "absolute", "steps": steps(GREEN)}, **(defaults or {})},
            "overrides": overrides,
        },
    }


def stat(title, text, unit, expression, *, levels=None, none="–", decimals=None, name=None):
    """One number. With `levels` its colour judges; without, it is only a number. `name` shows the legend instead."""
    defaults = {"color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": levels or steps(BLUE)}}
    defaults["noValue"] = none
    if decimals is not None:
        defaults["decimals"] = decimals
    options = {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "name" if name else "auto",
        "wideLayout": True,
    }
    return panel("stat", title, text, unit, [(expression, name or "")], options=options, defaults=defaults,
                 instant=True)


def lines(title, text, unit, queries, *, stacked=False, low=0, high=None, colours=None, limit=None, decimals=None):
    """Lines over time. `limit` draws a dashed line at the value from which the panel looks bad."""
    custom = {
        "drawStyle": "line",
        "fillOpacity": 35 if stacked else 8,
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "pointSize": 4,
        "showPoints": "auto",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "off" if limit is None else "dashed"},
    }
    defaults = {"color": {"mode": "palette-classic"}, "custom": custom}
    if low is not None:
        defaults["min"] = low
    if high is not None:
        defaults["max"] = high
    if decimals is not None:
        defaults["decimals"] = decimals
    if limit is not None:
        # So that the line is seen while all is well.
        custom["axisSoftMax"] = limit * 1.25
        # The first colour draws no line: only the limit itself is to be seen.
        defaults["thresholds"] = {"mode": "absolute", "steps": steps("transparent", (limit, RED))}
    options = {
        "legend": {"calcs": ["lastNotNull"], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, text, unit, queries, options=options, defaults=defaults, colours=colours)


def heatmap(title, text, axis_unit, histogram):
    """How many fell into which bucket."""
    query = increase(f"{histogram}_bucket", FINITE, by="le", window=STEP)
    options = {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "short", "decimals": 0},
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5, "fill": "dark-orange"},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        # Cells without an answer stay dark instead of pale.
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        # Prometheus names a bucket by its upper bound.
        "rowsFrame": {"layout": "le"},
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": axis_unit},
    }
    defaults = {"custom": {"scaleDistribution": {"type": "linear"}}}
    made = panel("heatmap", title, text, "short", [(query, "{{le}}")], options=options, defaults=defaults, heat=True)
    # Columns that are wide enough to be seen, and windows that hardly overlap.
    return {**made, "maxDataPoints": 60}


def bars(title, text, unit, expression, legend, *, heat=False, decimals=0):
    """Horizontal bars for the whole time shown. With `heat` a histogram's buckets, which Grafana makes uncumulated."""
    options = {
        "displayMode": "basic",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False},
        "namePlacement": "auto",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "sizing": "auto",
        "valueMode": "color",
    }
    defaults = {
        "color": {"mode": "thresholds"},
        "decimals": decimals,
        "min": 0,
        "thresholds": {"mode": "absolute", "steps": steps(BLUE)},
    }
    return panel("bargauge", title, text, unit, [(expression, legend)], options=options, defaults=defaults,
                 instant=True, heat=heat)


def states(title, text, queries, meanings):
    """A band of colour for each series. `meanings` are value -> (word, colour)."""
    mapping = {
        str(value): {"text": word, "color": colour, "index": index}
        for index, (value, (word, colour)) in enumerate(meanings.items())
    }
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "auto",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    defaults = {
        "color": {"mode": "fixed", "fixedColor": GREY},
        "custom": {"fillOpacity": 70, "lineWidth": 0},
        "mappings": [{"type": "value", "options": mapping}],
    }
    return panel("state-timeline", title, text, "none", queries, options=options, defaults=defaults)


def variable(name, label, query):
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        # 2: when the time changes, so that a server which is gone can still be looked at.
        "refresh": 2,
        "sort": 1,
        "includeAll": True,
        "multi": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
        "hide": 0,
        "options": [],
        "regex": "",
        "skipUrlSync": False,
    }


def dashboard(uid, title, text, rows):
    """Places the panels: `rows` are (heading, height, [(width, panel)]); a row's widths make 24."""
    panels, y = [], 0
    for heading, height, content in rows:
        width = sum(wide for wide, _ in content)
        if width != 24:
            raise SystemExit(f"{title} / {heading}: the panels are {width} columns wide and not 24")
        panels.append({
            "type": "row",
            "title": heading,
            "collapsed": False,
            "gridPos": {"h": 1, "w": 24, "x": 0, "y": y},
            "id": len(panels) + 1,
            "panels": [],
        })
        x, y = 0, y + 1
        for wide, made in content:
            panels.append({**made, "gridPos": {"h": height, "w": wide, "x": x, "y": y}, "id": len(panels) + 1})
            x += wide
        y += height
    return {
        "uid": uid,
        "title": title,
        "description": text,
        "tags": ["candor"],
        # Classic JSON of Grafana 11 and 12, which later versions migrate when they load it; theirs is not understood
        # by earlier ones. No `id`: it belongs to one installation.
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "links": [{
            "type": "dashboards",
            "title": "Candor",
            "tags": ["candor"],
            "asDropdown": False,
            "icon": "external link",
            "includeVars": True,
            "keepTime": True,
            "targetBlank": False,
            "tooltip": "",
            "url": "",
        }],
        "annotations": {"list": [
            {
                "name": "Alerts",
                "datasource": SOURCE,
                "enable": True,
                "expr": 'ALERTS{alertstate="firing", job=~"$job"}',
                "iconColor": RED,
                "step": "60s",
                "titleFormat": "{{alertname}}",
            },
            {
                "name": "Starts",
                "datasource": SOURCE,
                "enable": True,
                # The value is the time itself, so a start is marked where it was and not where it was scraped.
                "expr": f"{series('process_start_time_seconds')} * 1000",
                "useValueForTime": True,
                "iconColor": BLUE,
                "step": "60s",
                "titleFormat": "{{instance}} started",
            },
        ]},
        "templating": {"list": [
            {
                "type": "datasource",
                "name": "datasource",
                "label": "Data source",
                "query": "prometheus",
                "current": {},
                "hide": 0,
                "includeAll": False,
                "multi": False,
                "options": [],
                "refresh": 1,
                "regex": "",
                "skipUrlSync": False,
            },
            # answers_total is there from a server's start and belongs to Candor alone.
            variable("job", "Job", "label_values(answers_total, job)"),
            variable("instance", "Server", 'label_values(answers_total{job=~"$job"}, instance)'),
        ]},
        "panels": panels,
    }


# Grafana's own units for counts, "c/m" and "c/s", are not understood by everybody.
PER_SECOND, PER_MINUTE = "suffix:/s", "suffix:/min"

# --- Candor ---------------------------------------------------------------------------------

ESCALATED, ANSWERED = 'decision="escalated"', 'decision="answered"'
# A greeting is no question, and what is said to a person is not Candor's to answer.
ASKED = 'decision!~"smalltalk|with_agent"'
# Probes of a balancer are not customers, and would hide them.
NO_PROBES = 'route!~"/healthz|/readyz"'
FAILED = 'status=~"5.."'
USED = 'state="used"'
NOT_CLOSED = 'status!="closed"'
# A request that was refused or did not arrive has no tokens.
MODEL_SPOKE = 'result!~"refused|unavailable"'

# The colours of the same thing are the same everywhere.
KINDS = {"ai$": GREEN, "extractive$": "semi-dark-green", "fallback$": "yellow"}
REASONS = {"low_confidence$": ORANGE, "no_evidence$": RED, "customer_request$": "purple"}
RESULTS = {"^ok$": GREEN, "^truncated$": "yellow", "^blocked$": "purple", "^invalid$": ORANGE, "^unavailable$": RED,
           "^refused$": "dark-red"}
STATUSES = {"^2": GREEN, "^4": ORANGE, "^5": RED}
QUANTILES = {"^p50$": GREEN, "^p95$": ORANGE, "^p99$": RED}


def questions():
    return stat(
        "Questions",
        "Questions that were answered or handed to a person in the time shown. If 0 on a working day: does the site "
        "still load the widget, and is its key still valid (401 in Infrastructure / Requests by route and status)?",
        "short", increase("answers_total", ASKED), none="none", decimals=0)


def answered_share():
    return stat(
        "Answered",
        "Share of the questions in the time shown that Candor answered itself. There is no right number: compare with "
        "your own last weeks. If it fell: Answers / Why questions went to a person.",
        "percentunit",
        ratio(increase("answers_total", ANSWERED), increase("answers_total", ASKED)), none="no questions", decimals=1)


def tickets_opened():
    return stat(
        "Tickets opened",
        "Tickets that Candor opened in the time shown. A session has one open ticket for a reason, so they are fewer "
        "than the questions that went to a person. If the team cannot keep up: Answers / Tickets by reason says what "
        "to write about.",
        "short", increase("tickets_total"), decimals=0)


def servers_up():
    return stat(
        "Servers up",
        "Share of the servers that answer Prometheus. Below 100 %: the runbook's section CandorDown.",
        "percentunit", f"avg({series('up')})", levels=steps(RED, (1, GREEN)), none="no server", decimals=0)


def failed_share(title="Requests failed"):
    return stat(
        title,
        "Share of requests with a status of 5xx in the time shown, without probes. The objective allows 0.1 % a month. "
        "If it is more: Infrastructure / Requests by route and status, then the runbook's CandorErrorBudgetBurnFast.",
        "percentunit",
        ratio(or_zero(increase("http_requests_total", NO_PROBES, FAILED), increase("http_requests_total", NO_PROBES)),
              increase("http_requests_total", NO_PROBES)),
        levels=steps(GREEN, (0.001, ORANGE), (0.01, RED)), none="no requests", decimals=2)


def confidence_heatmap():
    return heatmap(
        "Confidence",
        "How likely drafts are to be right, as Candor says, over time; the stronger the colour, the more answers. A "
        "picture that moves down at one time: what changed then, articles or settings? Two bands apart: two kinds of "
        "questions, look at the tickets of the lower one.",
        "percentunit", "answer_confidence")


def answer_time():
    return lines(
        "Answer time",
        "From a question to its answer. p50: half of the customers wait no longer. An alert comes at a p95 of 5 s. If "
        "it rises: Answers / p95 of each stage says where the time goes.",
        "s", three_quantiles("answer_duration_seconds"), colours=QUANTILES)


def stage_quantile(q):
    name = f"p{int(q * 100)}"
    return lines(
        f"{name} of each stage",
        f"{name} of embedding the question, searching, making the draft and deciding. "
        "generate rises: the generator's provider is slow. embed rises: questions wait for a processor. search rises: "
        "a large ingest is being merged, or the disk is slow.",
        "s", [(quantile(q, "answer_stage_duration_seconds", by="stage"), "{{stage}}")])


def empty_share():
    return lines(
        "Searches that found nothing",
        "Share of searches without a single passage; each of these goes to a person. An alert comes at 20 %. If it "
        "jumps: Retrieval / Points in the index; a workspace without articles is enough when its customers ask most.",
        "percentunit",
        [(ratio(rate("retrieval_queries_total", 'result="empty"'), rate("retrieval_queries_total")), "found nothing")],
        limit=0.2, colours={"found nothing": ORANGE})


def ingested_articles():
    return lines(
        "Articles taken in",
        "Articles published, removed and failed through running servers. Failed: run the same ingest again, it names "
        "each file and why. Removed without anybody's wish: ingest runs with --prune over a folder that is incomplete.",
        "short", [(f"sum by (result) (increase({series('ingest_articles_total')}[{STEP}]))", "{{result}}")],
        colours={"published": GREEN, "removed": BLUE, "failed": RED}, decimals=0)


def index_points():
    return lines(
        "Points in the index",
        "Chunks that each server's index holds. A fall without a prune or a reindex, or 0: the runbook's "
        "CandorIndexEmpty. Servers that differ for long: one of them does not get what is ingested.",
        "short", [(f"max by (instance) ({series('index_points')})", "{{instance}}")], decimals=0)


def generator_requests():
    return lines(
        "Requests to the generator",
        "Results a minute. Whatever is not ok leaves the customer with another kind of answer. What to do for each "
        "result stands in the runbook's CandorGeneratorFailing.",
        PER_MINUTE, [(f"60 * {rate('generator_requests_total', by='result')}", "{{result}}")], stacked=True,
        colours=RESULTS)


def dependencies(by, legend):
    return states(
        "Dependencies",
        "What each server needs, and whether it reaches it. Without database, index or embedding customers get a 503: "
        "the runbook's CandorDependencyDown. Without generator they get the articles' own sentences.",
        [(f"min by ({by}) ({series('dependency_up')})", legend)],
        {0: ("down", RED), 1: ("up", GREEN)})


def breakers(by, legend):
    return states(
        "Circuit breakers",
        "Open: Candor does not ask this upstream, because it kept failing. Half open: it tries again. Nothing has to "
        "be reset; mend the upstream (the runbook's CandorCircuitOpen).",
        [(f"max by ({by}) ({series('circuit_state')})", legend)],
        {0: ("closed", GREEN), 1: ("half open", ORANGE), 2: ("open", RED)})


def processor():
    return lines(
        "CPU",
        "Cores that each server's process uses. At the number of cores of its machine for long: answers wait, add a "
        "server. High without questions: an ingest is running (Retrieval / Articles taken in).",
        "none", [(f"sum by (instance) (rate({series('process_cpu_seconds_total')}[{STEP}]))", "{{instance}}")],
        decimals=2)


def memory():
    return lines(
        "Memory",
        "Resident memory of each server's process. It rises by about 120 MiB with the first ingest and stays there. If "
        "it goes on rising over days: restart the server in a quiet hour and report it with this picture.",
        "bytes", [(f"sum by (instance) ({series('process_resident_memory_bytes')})", "{{instance}}")])


def overview():
    return dashboard("candor-overview", "Candor / Overview", "Is it well, and what do customers get?", [
        ("Now, and in the time shown", 4, [
            (3, stat(
                "Alerts firing",
                "Alerts of Prometheus that fire now. Each has a section in prometheus/RUNBOOK.md, which its annotation "
                "names; Alerts, below, names them and says since when.",
                "none", 'count(ALERTS{alertstate="firing", job=~"$job"}) or vector(0)',
                levels=steps(GREEN, (1, RED)), decimals=0)),
            (3, servers_up()),
            (3, questions()),
            (3, answered_share()),
            (3, tickets_opened()),
            (3, stat(
                "Answer time, p95",
                "One answer in twenty took longer than this in the time shown. An alert comes at 5 s. If it is red: "
                "Answers / p95 of each stage.",
                "s", known(quantile(0.95, "answer_duration_seconds", window=SHOWN)),
                levels=steps(GREEN, (2, ORANGE), (5, RED)), none="no answers")),
            (3, failed_share()),
            (3, stat(
                "Generator cost in 24 h",
                "US dollars of the last 24 hours, whatever time is shown. An alert comes above the budget in "
                "prometheus/rules/candor.yml; then the runbook's CandorGeneratorCostOverBudget.",
                "currencyUSD", increase("generator_cost_usd_total", window="1d"), none="no generator", decimals=2)),
        ]),
        ("What customers get", 8, [
            (12, lines(
                "What became of the questions",
                "Questions a minute: how they were answered, or why they went to a person. More orange or red: Answers "
                "/ Why questions went to a person. More yellow: the generator fails and the articles' own sentences "
                "step in.",
                PER_MINUTE,
                [(f"60 * {rate('answers_total', ANSWERED, by='response_type')}", "answered: {{response_type}}"),
                 (f"60 * {rate('answers_total', ESCALATED, by='reason')}", "to a person: {{reason}}")],
                stacked=True, colours={**KINDS, **REASONS})),
            (12, confidence_heatmap()),
        ]),
        ("How fast, and does it work", 8, [
            (8, answer_time()),
            (8, stage_quantile(0.95)),
            (8, lines(
                "Requests by status",
                "Requests a second, without probes. 5xx: customers see errors, see the runbook's "
                "CandorErrorBudgetBurnFast. Many 401 or 403: a site has an old key. Many 422: a client sends what the "
                "documentation does not allow.",
                "reqps", [(rate("http_requests_total", NO_PROBES, by="status"), "{{status}}")], stacked=True,
                colours=STATUSES)),
        ]),
        ("What it finds, and what it asks of others", 8, [
            (8, empty_share()),
            (8, generator_requests()),
            (8, lines(
                "Generator cost per hour",
                "US dollars an hour, and the daily budget spread over 24 hours. Above the line for long: the day's "
                "budget will not hold; see Infrastructure / Tokens of each answer, and whether there are more "
                "questions.",
                "currencyUSD",
                [(f"3600 * {rate('generator_cost_usd_total', by='model')}", "{{model}}"),
                 ('max(job:generator_cost_usd:budget1d{job=~"$job"}) / 24', "budget")],
                colours={"^budget$": RED}, decimals=2)),
        ]),
        ("What it stands on", 8, [
            (6, states(
                "Alerts",
                "Alerts of Prometheus while they fire; nothing is best. The section of the same name in "
                "prometheus/RUNBOOK.md says what to do.",
                [('max by (alertname) (ALERTS{alertstate="firing", job=~"$job"})', "{{alertname}}")],
                {1: ("firing", RED)})),
            # The worst server of each; Infrastructure shows each server.
            (5, dependencies("dependency", "{{dependency}}")),
            (4, breakers("upstream", "{{upstream}}")),
            (5, ingested_articles()),
            (4, memory()),
        ]),
    ])


def answers():
    week_ago = ratio(
        f"sum (rate({series('answers_total', ANSWERED)}[{STEP}] offset 7d))",
        f"sum (rate({series('answers_total', ASKED)}[{STEP}] offset 7d))")
    return dashboard("candor-answers", "Candor / Answers", "How good and how fast the answers are, for support.", [
        ("In the time shown", 4, [
            (4, questions()),
            (4, answered_share()),
            (4, tickets_opened()),
            (4, stat(
                "Confidence, median",
                "Half of the drafts in the time shown were more likely to be right than this. Lower than in other "
                "weeks: customers ask about something new, or articles got worse; see Why questions went to a person.",
                "percentunit", known(quantile(0.5, "answer_confidence", window=SHOWN)), none="no answers",
                decimals=0)),
            (4, stat(
                "Answer time, median",
                "Half of the customers waited no longer than this in the time shown. Much more than yesterday: p95 of "
                "each stage, below.",
                "s", known(quantile(0.5, "answer_duration_seconds", window=SHOWN)), none="no answers")),
            (4, stat(
                "The threshold rests on",
                "Workspaces by what their thresholds rest on. default: on open data, with no promise for your questions. workspace: "
                "on the workspace's own questions. outdated: a calibration of its own was made for other answers; calibrate again.",
                "none", f"max by (state) ({series('calibration_state')}) > 0", name="{{state}}")),
        ]),
        ("Decisions", 8, [
            (8, lines(
                "Answered share",
                "Share of questions that Candor answered itself, and the same hour a week before. Apart for an hour or "
                "more: the panel beside says which reason grew.",
                "percentunit",
                [(ratio(rate("answers_total", ANSWERED), rate("answers_total", ASKED)), "now"), (week_ago, "a week before")],
                high=1, colours={"^now$": GREEN, "^a week before$": GREY})),
            (8, lines(
                "Why questions went to a person",
                "Questions a minute that were not answered. no_evidence: no article covers it, write one. "
                "low_confidence: articles are near and not clear, see the tickets. customer_request: read why. A "
                "reason that names the generator: the runbook's CandorGeneratorFailing.",
                PER_MINUTE, [(f"60 * {rate('answers_total', ESCALATED, by='reason')}", "{{reason}}")], stacked=True,
                colours=REASONS)),
            (8, lines(
                "How answers were made",
                "Answers a minute that were sent. ai: written by the generator. extractive: the articles' own "
                "sentences. fallback: these sentences because the generator failed; more than a little of it: "
                "Infrastructure / Requests to the generator.",
                PER_MINUTE, [(f"60 * {rate('answers_total', ANSWERED, by='response_type')}", "{{response_type}}")],
                stacked=True, colours=KINDS)),
        ]),
        ("Confidence", 9, [
            (12, confidence_heatmap()),
            (6, bars(
                "Confidence in the time shown",
                "How many drafts fell into each tenth; the number is the tenth's upper end. Most at the low end: "
                "articles do not answer what is asked. Most just above the threshold: review some of them before you "
                "trust it.",
                "short",
                increase("answer_confidence_bucket", FINITE, by="le"), "{{le}}", heat=True)),
            (6, bars(
                "Tickets by reason",
                "Tickets opened in the time shown. The longest bar is what to work on first: no_evidence asks for new "
                "articles, low_confidence for clearer ones.",
                "short", increase("tickets_total", by="reason"), "{{reason}}")),
        ]),
        ("Time", 8, [
            (8, stage_quantile(0.5)),
            (8, stage_quantile(0.95)),
            (8, stage_quantile(0.99)),
        ]),
        ("Time and sessions", 8, [
            (8, answer_time()),
            (8, lines(
                "Where the time goes",
                "Mean seconds of an answer in each stage, one on the other. The thickest band is the one to make "
                "faster; its remedy stands at p95 of each stage.",
                "s",
                [(ratio(rate("answer_stage_duration_seconds_sum", by="stage"),
                        rate("answer_stage_duration_seconds_count", by="stage")), "{{stage}}")],
                stacked=True)),
            (8, lines(
                "Open sessions",
                "Conversations that are not closed, by status. needs_human grows over the day: the team is too small "
                "for the hour, or nobody looks.",
                # All servers of a job count the same table, so the largest is all of them and a sum would be too many.
                "short", [(f"max by (status) ({series('sessions', NOT_CLOSED)})", "{{status}}")],
                stacked=True, decimals=0, colours={"^needs_human$": RED, "^agent_assigned$": BLUE, "^active$": GREEN})),
        ]),
        ("Measured by eval", 8, [
            (8, lines(
                "Articles found",
                "Share of a set's questions whose article is ranked first, and nDCG@10, at the last `eval run`. A step "
                "down: `eval history` names the run, `eval compare` the questions that changed.",
                "percentunit",
                [(measured("retrieval.hit_at_1"), "{{dataset}} hit@1"),
                 (measured("retrieval.ndcg_at_10"), "{{dataset}} nDCG@10")], high=1)),
            (8, lines(
                "Drafts right, and told apart",
                "Share of a set's answerable questions with a right draft, and how well the confidence ranks right "
                "before wrong (AUROC, 0.5 is chance). A step down: as for Articles found.",
                "percentunit",
                [(measured("answers.accuracy"), "{{dataset}} right"),
                 (measured("abstention.auroc_correct"), "{{dataset}} AUROC")], high=1)),
            (8, lines(
                "Sent, and wrong of it",
                "At the threshold in force: the share of a set's questions that were answered, and the share of those "
                "answers that were wrong. More wrong than before: raise nothing by hand, run `eval calibrate`.",
                "percentunit",
                [(measured("abstention.coverage"), "{{dataset}} sent"),
                 (measured("abstention.risk"), "{{dataset}} wrong")], high=1)),
        ]),
    ])


def measured(figure):
    """The last figure of each set that `eval` left for the server; all servers of a job show the same file."""
    name = f'figure="{figure}"'
    return f"max by (dataset) ({series('eval_figure', name)})"


def retrieval():
    found = "retrieval_queries_total"
    return dashboard("candor-retrieval", "Candor / Retrieval", "What searches find, and what was ingested.", [
        ("In the time shown", 4, [
            (4, stat(
                "Points now",
                "Chunks in the index of the server that has fewest. 0: nobody can be answered, see the runbook's "
                "CandorIndexEmpty.",
                "short", f"min({series('index_points')})", levels=steps(RED, (1, GREEN)), decimals=0)),
            (4, stat(
                "Searches",
                "Searches in the time shown: one a question, and those of the search route. 0 while there are "
                "questions: they fail before the search, see Infrastructure / Requests by route and status.",
                "short", increase(found), decimals=0)),
            (4, stat(
                "Found nothing",
                "Share of the searches in the time shown that found no passage. Red: the runbook's "
                "CandorRetrievalEmpty.",
                "percentunit", ratio(increase(found, 'result="empty"'), increase(found)),
                levels=steps(GREEN, (0.05, ORANGE), (0.2, RED)), none="no searches", decimals=1)),
            (4, stat(
                "Articles published",
                "Articles that came in through a running server in the time shown, new and changed. 0 after an ingest: "
                "it found nothing changed, or it ran while no server did, which counts nowhere.",
                "short", increase("ingest_articles_total", 'result="published"'), decimals=0)),
            (4, stat(
                "Articles failed",
                "Article files that could not be taken in, in the time shown. Run the same ingest again; it names "
                "them.",
                "short", increase("ingest_articles_total", 'result="failed"'), levels=steps(GREEN, (1, RED)),
                decimals=0)),
            (4, stat(
                "Chunks in the time shown",
                "Chunks of the articles published in the time shown. Far more than the articles that changed: one of "
                "them is very long.",
                "short", increase("ingest_chunks_total"), decimals=0)),
        ]),
        ("Search", 8, [
            (8, lines(
                "Searches by result",
                "Searches a second that found a passage, and that did not. A sudden fall of both: no questions arrive, "
                "see Infrastructure / Requests by route and status.",
                PER_SECOND, [(rate(found, by="result"), "{{result}}")], stacked=True,
                colours={"^hit$": GREEN, "^empty$": ORANGE})),
            (8, empty_share()),
            (8, index_points()),
        ]),
        ("How well it fits", 8, [
            (12, heatmap(
                "Score of the best passage",
                "Nearness in meaning plus twice the share of the question's words, so 3 at most; the stronger the "
                "colour, the more searches. A picture that moves down: customers use other words than the articles, or "
                "ask about something else.",
                "none", "retrieval_top_score")),
            (12, lines(
                "Score of the best passage, quantiles",
                "A tenth, half and nine tenths of searches have a best passage below this. p10 falls and the others do "
                "not: a new kind of question came up; look at the tickets with no_evidence.",
                "none",
                [(quantile(q, "retrieval_top_score"), f"p{int(q * 100)}") for q in (0.1, 0.5, 0.9)], decimals=2,
                colours={"^p10$": ORANGE, "^p50$": GREEN, "^p90$": BLUE})),
        ]),
        ("How fast it searches", 8, [
            (12, lines(
                "Time to embed a question",
                "From text to vector, with the wait for a free session. If p99 leaves the others: questions queue, see "
                "Infrastructure / CPU; add a server, or embedding_sessions where cores are idle.",
                "s", three_quantiles("answer_stage_duration_seconds", 'stage="embed"'), colours=QUANTILES)),
            (12, lines(
                "Time to search",
                "Candidates, what is visible, and ranking. It grows slowly with the articles; a jump is a large ingest "
                "that is being merged (passes within minutes) or a slow disk.",
                "s", three_quantiles("answer_stage_duration_seconds", 'stage="search"'), colours=QUANTILES)),
        ]),
        ("Ingest", 8, [
            (8, ingested_articles()),
            (8, lines(
                "Chunks published",
                "Chunks a second. During a large ingest it should stay level; if it falls to 0 before the end, read "
                "what ingest printed.",
                PER_SECOND, [(rate("ingest_chunks_total"), "chunks")])),
            (8, lines(
                "Time to publish an article",
                "Parsing, embedding and the commit. It follows the articles' length. Longer for the same articles: the "
                "processor is taken (Infrastructure / CPU) or the database is slow.",
                "s", three_quantiles("ingest_duration_seconds"), colours=QUANTILES)),
        ]),
    ])


def infrastructure():
    requests = "http_requests_total"

    def connections(*matchers):
        return f"sum by (instance) ({series('database_pool_connections', *matchers)})"

    cost_1d = increase("generator_cost_usd_total", window="1d")
    return dashboard("candor-infrastructure", "Candor / Infrastructure", "The servers, and what they depend on.", [
        ("Now, and in the time shown", 4, [
            (3, servers_up()),
            (3, stat(
                "Version",
                "What runs. More than one for longer than a roll-out takes: a server was left behind, restart it.",
                "none", f"max by (version) ({series('build_info')})", name="{{version}}")),
            (3, stat(
                "Up for",
                "Since the last start of the server that started last. Shorter than you think: something restarts it, "
                "read the end of the log before the start.",
                "dtdurations", f"min(time() - {series('process_start_time_seconds')})")),
            (3, stat(
                "Requests a second",
                "All requests but probes, now. 0 on a working day: does the balancer send anything here?",
                "reqps", rate(requests, NO_PROBES), decimals=2)),
            (3, failed_share()),
            (3, stat(
                "Connections in use",
                "Share of the database pool that is in use on the server with most. Near 100 % for long: the database "
                "is slow, or the pool is too small for the questions.",
                "percentunit",
                f"max({ratio(connections(USED), connections())})",
                levels=steps(GREEN, (0.8, ORANGE), (1, RED)), decimals=0)),
            (3, stat(
                "Memory, largest",
                "Resident memory of the largest server. Compare with what its machine or container allows, and see "
                "Memory.",
                "bytes", f"max({series('process_resident_memory_bytes')})")),
            (3, stat(
                "Open files",
                "Share of the file handles that the process may have, of the server with most. Orange: raise the limit "
                "(ulimit -n) before sockets are refused.",
                "percentunit", f"max({series('process_open_fds')} / {series('process_max_fds')})",
                levels=steps(GREEN, (0.7, ORANGE), (0.9, RED)), decimals=1)),
        ]),
        ("Requests", 9, [
            (12, lines(
                "Requests by route and status",
                "Requests a second, without probes. 503 on every route: a dependency (below). 503 on chat only: "
                "overloaded, or the index is being mended. 401: an old key on a site. 500: a fault; take the request's "
                "id from the log.",
                "reqps", [(rate(requests, NO_PROBES, by="route, status"), "{{status}} {{route}}")], stacked=True)),
            (6, lines(
                "p95 by route",
                "One request in twenty takes longer than this. If only chat rises: Answers / p95 of each stage. If all "
                "rise: CPU or the database.",
                "s", [(quantile(0.95, "http_request_duration_seconds", NO_PROBES, by="route"), "{{route}}")])),
            (6, lines(
                "Share of requests that failed",
                "Status 5xx, without probes. The dashed line is the objective, 0.1 %. Above it for long: the runbook's "
                "CandorErrorBudgetBurnSlow.",
                "percentunit",
                [(ratio(or_zero(rate(requests, NO_PROBES, FAILED), rate(requests, NO_PROBES)),
                        rate(requests, NO_PROBES)), "failed")],
                limit=0.001, colours={"^failed$": ORANGE})),
        ]),
        ("Dependencies", 7, [
            (8, dependencies("instance, dependency", "{{dependency}} of {{instance}}")),
            (8, breakers("instance, upstream", "{{upstream}} of {{instance}}")),
            (8, lines(
                "Database connections",
                "Connections of the pool that are in use, and that wait. Used reaches the whole pool: requests wait "
                "for the database; find its slow queries, or raise the pool.",
                "none", [(f"sum by (state) ({series('database_pool_connections')})", "{{state}}")], stacked=True,
                colours={"^used$": ORANGE, "^idle$": GREY}, decimals=0)),
        ]),
        ("Generator", 8, [
            (8, generator_requests()),
            (8, lines(
                "Tokens of each answer",
                "Tokens of an average request that the model answered. prompt grew: longer passages are sent. thoughts "
                "grew: the model or its settings changed. answer near the limit: see truncated in the panel beside.",
                "short",
                [(f"sum by (kind) (rate({series('generator_tokens_total')}[{STEP}])) / on () group_left () "
                  f"({rate('generator_requests_total', MODEL_SPOKE)} > 0)", "{{kind}}")], decimals=0)),
            (8, lines(
                "Generator cost against the budget",
                "US dollars of the 24 hours before each moment, and the daily budget. At the line the alert comes: the "
                "runbook's CandorGeneratorCostOverBudget.",
                "currencyUSD",
                [(cost_1d, "cost"), ('max(job:generator_cost_usd:budget1d{job=~"$job"})', "budget")],
                colours={"^cost$": GREEN, "^budget$": RED}, decimals=2)),
        ]),
        ("Processes", 8, [
            (6, processor()),
            (6, memory()),
            (6, lines(
                "Threads",
                "Threads of each process. It follows the number of cores and stays level; if it grows with every hour, "
                "report it and restart in a quiet hour.",
                "none", [(f"sum by (instance) ({series('process_threads')})", "{{instance}}")], decimals=0)),
            (6, lines(
                "Open file handles",
                "Sockets and files of each process. It follows the requests at once; if it does not come down at "
                "night, clients do not close, or something leaks.",
                "none", [(f"sum by (instance) ({series('process_open_fds')})", "{{instance}}")], decimals=0)),
        ]),
    ])


DASHBOARDS = {"overview": overview, "answers": answers, "retrieval": retrieval, "infrastructure": infrastructure}


def text_of(made):
    # Sorted, so that a change of this program changes only the lines that it means.
    return json.dumps(made, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments):
    if arguments not in ([], ["--check"]):
        raise SystemExit(__doc__)
    wanted = {FOLDER / f"{name}.json": text_of(make()) for name, make in DASHBOARDS.items()}
    if arguments:
        found = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
        differing = sorted(path.name for path in wanted.keys() | found.keys() if wanted.get(path) != found.get(path))
        if differing:
            raise SystemExit(f"not what grafana/make.py writes: {', '.join(differing)}; run it and commit")
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
