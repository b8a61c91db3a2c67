import type { ComparisonReport, ReportFormat } from '../domain/report.ts';
import { htmlReport } from './html.ts';
import { jsonReport } from './json.ts';
import { junitReport } from './junit.ts';
import { markdownReport } from './markdown.ts';
import { type TerminalOptions, terminalReport } from './terminal.ts';

/** The report in one of its forms, ended by a line end. @param options for `terminal` only */
export function renderReport(
  report: ComparisonReport,
  format: ReportFormat,
  options: TerminalOptions = {},
): string {
  switch (format) {
    case 'terminal':
      return terminalReport(report, options);
    case 'html':
      return htmlReport(report);
    case 'md':
      return markdownReport(report);
    case 'json':
      return jsonReport(report);
    case 'junit':
      return junitReport(report);
  }
}
