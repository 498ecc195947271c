#!/usr/bin/env python3
"""Plants each kind of fault and looks whether `check.py` sees it: grafana/check_test.py"""

import copy
import unittest

import check
import make

TEXTS = {
    "rules": check.read_all((check.ROOT / "prometheus" / "rules").glob("*.yml")),
    "tests": check.read_all((check.ROOT / "prometheus" / "tests").glob("*.yml")),
    "runbook": check.read_all([check.ROOT / "prometheus" / "RUNBOOK.md"]),
}


def fresh():
    return {f"{name}.json": copy.deepcopy(made()) for name, made in make.DASHBOARDS.items()}


def first_panel(dashboard, kind="timeseries"):
    return next(panel for panel in dashboard["panels"] if panel["type"] == kind)


class Planted(unittest.TestCase):
    def faults_of(self, plant):
        dashboards, faults = fresh(), check.Faults()
        plant(dashboards["overview.json"], dashboards)
        check.lint_dashboards(dashboards, faults)
        return faults

    def assert_seen(self, expected, plant):
        faults = self.faults_of(plant)
        self.assertTrue(any(expected in fault for fault in faults), f"{expected!r} is not in {faults}")

    def test_what_is_committed_has_no_fault(self):
        self.assertEqual(self.faults_of(lambda board, _: None), [])
        self.assertEqual(self.runbook_faults(), [])

    def test_dashboards(self):
        for expected, key, value in (
            ("has an id", "id", 7),
            ("schemaVersion", "schemaVersion", 16),
            ("is editable", "editable", True),
            ("no uid", "uid", ""),
            ("is also that of", "uid", "candor-answers"),
            ("is also that of", "title", "Candor / Answers"),
        ):
            with self.subTest(expected):
                self.assert_seen(expected, lambda board, _: board.__setitem__(key, value))

    def test_variables(self):
        self.assert_seen("no variable instance", lambda board, _: board["templating"]["list"].pop())
        self.assert_seen("two variables job", lambda board, _: board["templating"]["list"].append(
            board["templating"]["list"][1]))
        self.assert_seen("undefined variable zone", lambda board, _: board["templating"]["list"][2].__setitem__(
            "definition", 'label_values(up{zone="$zone"}, instance)'))

    def test_panels(self):
        def duplicate(board, _):
            board["panels"][2]["id"] = board["panels"][1]["id"]

        def collide(board, _):
            board["panels"][2]["gridPos"]["x"] = board["panels"][1]["gridPos"]["x"]

        def same_title(board, _):
            board["panels"][2]["title"] = board["panels"][1]["title"]

        self.assert_seen("twice", duplicate)
        self.assert_seen("overlaps Alerts firing", collide)
        self.assert_seen("two panels have this title", same_title)
        for expected, spoil in (
            ("reaches beyond the grid", lambda panel: panel["gridPos"].__setitem__("w", 25)),
            ("no title", lambda panel: panel.__setitem__("title", "")),
            ("no description", lambda panel: panel.pop("description")),
            ("no unit", lambda panel: panel["fieldConfig"]["defaults"].pop("unit")),
            ("unknown unit", lambda panel: panel["fieldConfig"]["defaults"].__setitem__("unit", "secs")),
            ("the data source is not", lambda panel: panel.__setitem__("datasource", {"uid": "prometheus"})),
            ("the data source is not", lambda panel: panel["targets"][0].__setitem__("datasource", "Prometheus")),
            ("no query", lambda panel: panel.__setitem__("targets", [])),
            ("two queries A", lambda panel: panel["targets"].append(panel["targets"][0])),
        ):
            with self.subTest(expected):
                self.assert_seen(expected, lambda board, _: spoil(first_panel(board)))

    def test_expressions(self):
        chosen = 'job=~"$job", instance=~"$instance"'
        for expected, expression in (
            ("rate over 5m", f"rate(answers_total{{{chosen}}}[5m])"),
            ("rate over $__range", f"rate(answers_total{{{chosen}}}[$__range])"),
            ("increase over 7d", f"increase(answers_total{{{chosen}}}[7d])"),
            ("irate shows single scrapes", f"irate(answers_total{{{chosen}}}[$__rate_interval])"),
            ('not narrowed with instance', 'sum(index_points{job=~"$job"})'),
            ('not narrowed with job', 'sum(index_points{job="candor", instance=~"$instance"})'),
            ("b is not narrowed", f"a{{{chosen}}} / b"),
            ("undefined variable workspace", f'index_points{{{chosen}, workspace="$workspace"}}'),
            ("undefined variable workspace", f'index_points{{{chosen}, workspace="${{workspace}}"}}'),
        ):
            with self.subTest(expression):
                self.assert_seen(expected, lambda board, _: first_panel(board)["targets"][0].__setitem__(
                    "expr", expression))

    def runbook_faults(self, dashboards=None, **changed):
        faults = check.Faults()
        check.lint_runbook(**{**TEXTS, **changed}, dashboards=dashboards or fresh(), faults=faults)
        return faults

    def test_rules_and_runbook(self):
        rules, tests, runbook = TEXTS["rules"], TEXTS["tests"], TEXTS["runbook"]
        fires = "alertname: CandorIndexEmpty\n        eval_time: 30m\n        exp_alerts:\n"
        rests = "alertname: CandorIndexEmpty\n        eval_time: 2m\n        exp_alerts: []\n"
        for expected, changed in (
            ("the runbook has no section #candordown", {"runbook": runbook.replace("## CandorDown", "## Down")}),
            ("links to #candordependencydown", {"runbook": runbook.replace("## CandorDependencyDown", "## Away")}),
            ("CandorDown: no severity", {"rules": rules.replace("          severity: page\n", "", 1)}),
            ("CandorDown: no runbook", {"rules": rules.replace("          runbook: prometheus/RUNBOOK.md#candordown\n",
                                                               "")}),
            ("section of another alert", {"rules": rules.replace("#candordown", "#candorindexempty")}),
            ("CandorIndexEmpty: no test in which it fires", {"tests": tests.replace(fires, "")}),
            ("CandorIndexEmpty: no test in which it does not fire", {"tests": tests.replace(rests, "")}),
            ("names the panel", {"runbook": runbook.replace("*Infrastructure / Memory*", "*Infrastructure / RAM*")}),
        ):
            with self.subTest(expected):
                self.assertNotIn(changed, [{key: TEXTS[key]} for key in changed], "nothing was planted")
                faults = self.runbook_faults(**changed)
                self.assertTrue(any(expected in fault for fault in faults), f"{expected!r} is not in {faults}")

    def test_texts_that_send_nowhere(self):
        for expected, text in (
            ("sends to 'Answers / Nowhere'", "See Answers / Nowhere"),
            ("sends to the alert CandorSad", "See the runbook's CandorSad."),
        ):
            dashboards = fresh()
            first_panel(dashboards["overview.json"])["description"] = text
            faults = self.runbook_faults(dashboards)
            self.assertTrue(any(expected in fault for fault in faults), faults)


class FakePrometheus:
    """Knows one metric and gives one answer to each query."""

    def __init__(self, answer):
        self.answer = answer

    def get(self, path, **_):
        if path.endswith("/values"):
            return {"data": ["answers_total"]}
        if path.endswith("/rules"):
            return {"data": {"groups": [{"rules": [
                {"type": "alerting", "name": "Sound", "query": "answers_total > 0", "health": "ok"},
                {"type": "alerting", "name": "Renamed", "query": "answer_total > 0", "health": "ok"},
                {"type": "recording", "name": "a:b", "query": "vector(1)", "health": "err", "lastError": "too many"},
            ]}]}}
        return self.answer


class Live(unittest.TestCase):
    def run_query(self, answer, *, expression="answers_total", instant=True, may_be_empty=False):
        faults = check.Faults()
        check.run_query(FakePrometheus(answer), "here", {"expr": expression, "instant": instant}, {"answers_total"},
                        may_be_empty, "1h", faults)
        return faults

    def result(self, *values):
        return {"status": "success", "data": {"result": [{"metric": {}, "value": [0, value]} for value in values]}}

    def test_queries(self):
        self.assertEqual(self.run_query(self.result("1")), [])
        self.assertEqual(self.run_query(self.result("0")), [])
        self.assertEqual(self.run_query(self.result()), ["here: no data"])
        self.assertEqual(self.run_query(self.result(), may_be_empty=True), [])
        self.assertEqual(self.run_query(self.result("NaN")), ["here: NaN"])
        self.assertEqual(self.run_query(self.result("+Inf")), ["here: infinity"])
        self.assertEqual(self.run_query(self.result("1"), expression="answer_total"),
                         ["here: unknown metric answer_total"])
        self.assertEqual(self.run_query({"status": "error", "error": "parse error"}), ["here: PromQL: parse error"])
        line = {"status": "success", "data": {"result": [{"values": [[0, "NaN"], [15, "NaN"]]}]}}
        self.assertEqual(self.run_query(line, instant=False), ["here: no data"])

    def test_rules(self):
        faults = check.Faults()
        self.assertEqual(check.run_rules(FakePrometheus(None), faults), 3)
        self.assertEqual(faults, ["rule Renamed: unknown metric answer_total", "rule a:b: err: too many"])

    def test_metrics_are_found_in_any_expression(self):
        for expression, metrics in (
            ("a", ["a"]),
            ("sum by (b, c) (rate(a{d=\"e f\"}[5m])) > 0", ["a"]),
            ("sum(a) without (b) / on (c) group_left (d) e", ["a", "e"]),
            ("x:y:z offset 7d and b{c=~\"}\"} or vector(0)", ["x:y:z", "b"]),
            ("histogram_quantile(0.95, sum by (le) (rate(a_bucket[$__rate_interval])))", ["a_bucket"]),
            ("count(ALERTS{alertstate=\"firing\"}) or 1e-9 * b", ["ALERTS", "b"]),
        ):
            with self.subTest(expression):
                self.assertEqual([metric for metric, _ in check.metrics_of(expression)], metrics)


if __name__ == "__main__":
    unittest.main()
