/** Sums by group. */
export type Totals = Map<string, { readonly count: number; readonly total: number }>;

/** The sums as a table in Markdown, the largest first. */
export function renderReport(source: string, groupName: string, totals: Totals): string {
  const rows = [...totals].sort(([, a], [, b]) => b.total - a.total)
    .map(([group, { count, total }]) => `| ${group} | ${count} | ${total.toFixed(2)} |`);
  return [
    `# ${source}`,
    "",
    `| ${groupName} | Rows | Sum |`,
    "| --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
