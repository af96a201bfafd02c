import { printable } from './printable.js';

export type Column<T> = { title: string; of: (row: T) => string | number | null | undefined };

const GAP = '  ';
const WIDTH_MIN = 6;

/**
 * Rows as aligned lines. With a `width` the widest columns are cut to fit, the cut shown by an ellipsis, but never the
 * first: it names the row for other commands. Without one (output to a file or pipe) nothing is cut.
 */
export function formatTable<T>(columns: Column<T>[], rows: T[], width: number | undefined): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(String(column.of(row) ?? '–'))));
  const titles = columns.map((column) => column.title);
  const widths = titles.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  if (width !== undefined) shrink(widths, width - GAP.length * (columns.length - 1));
  return [titles, ...cells].map((row) =>
    row
      .map((cell, i) => fit(cell, widths[i]!))
      .join(GAP)
      .trimEnd(),
  );
}

function shrink(widths: number[], available: number): void {
  const total = () => widths.reduce((sum, width) => sum + width, 0);
  while (total() > available) {
    const widest = Math.max(...widths.slice(1));
    if (widest <= WIDTH_MIN) return;
    widths[widths.indexOf(widest, 1)] = widest - 1;
  }
}

function fit(cell: string, width: number): string {
  return cell.length <= width ? cell.padEnd(width) : `${cell.slice(0, width - 1)}…`;
}
