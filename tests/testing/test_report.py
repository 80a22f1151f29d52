from traderd.testing.report import Check, Report


def test_a_report_passes_when_all_of_its_checks_do():
    report = Report(plugin="mine.py")
    assert not report.passed
    report.add("one", [], "3 calls")
    assert report.passed
    report.add("two", ["broke", "again"], "")
    assert not report.passed
    assert report.checks[1] == Check("two", False, "broke (and 1 more)")


def test_a_report_is_a_table_and_a_document():
    report = Report(plugin="mine.py")
    report.add("short", [], "fine")
    report.add("much longer", ["no\x1b[31m"], "")
    lines = report.lines()
    assert lines[0] == "plugin mine.py"
    assert lines[1] == "  ok    short        fine"
    assert lines[2].startswith("  FAIL  much longer  no")
    assert "\x1b" not in lines[2]
    assert lines[-1] == "1 of 2 checks failed"
    assert report.document()["checks"][0] == {"name": "short", "passed": True, "detail": "fine"}
