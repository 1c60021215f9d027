"""What a planner reads of a plan: the table, the bill of materials, the last-mile failure report."""

from lastmile_net.report.bom import bill_of_materials, write_bom
from lastmile_net.report.failure import failure_report, write_failure_report
from lastmile_net.report.page import Section, html, markdown
from lastmile_net.report.summary import Row, plan_table, summary_text

__all__ = [
    "Row",
    "Section",
    "bill_of_materials",
    "failure_report",
    "html",
    "markdown",
    "plan_table",
    "summary_text",
    "write_bom",
    "write_failure_report",
]
