/** How the columns of a table share its width: in one line, or in up to three lines a row. */
import { type RefObject, useLayoutEffect, useRef, useState } from "react";

/** Width in px below which most columns without a width of their own cannot be read. */
const READABLE_PX = 240;
/** The break of a line is drawn before or after the cells, so there are two of them. */
const LINES_MAX = 3;
/** Height of a row of one line in px; `--row` of the theme. */
const ROW_PX = 34;
/** Heights in px of a row of several lines; `table.css` has them, too. */
const FIRST_LINE_PX = 30;
const LOWER_LINE_PX = 24;
const ROW_EDGE_PX = 5;

interface Sized {
  readonly width?: string;
  readonly readable?: number;
  readonly minor?: boolean;
}

/** Where the cells of a row are. */
export interface Lines {
  readonly count: number;
  /** The line of each column, from 0. */
  readonly of: readonly number[];
  readonly rowHeight: number;
}

/**
 * One line if each column can be read in it. Otherwise the minor columns follow below the others, as many in a line as
 * are readable there.
 * @param width of the table in px; undefined before it is known
 */
export function linesOf(columns: readonly Sized[], width: number | undefined): Lines {
  const one = { count: 1, of: columns.map(() => 0), rowHeight: ROW_PX };
  const whole = columns.reduce((sum, column) => sum + leastOf(column), 0);
  if (width === undefined || whole <= width) return one;
  let [line, used] = [0, Infinity];
  const of = columns.map((column) => {
    if (column.minor !== true) return 0;
    const least = leastOf(column);
    if (used + least > width && line < LINES_MAX - 1) [line, used] = [line + 1, 0];
    used += least;
    return line;
  });
  if (line === 0) return one;
  const rowHeight = FIRST_LINE_PX + line * LOWER_LINE_PX + ROW_EDGE_PX;
  return { count: line + 1, of, rowHeight };
}

function leastOf(column: Sized): number {
  return fixedWidth(column) ?? column.readable ?? READABLE_PX;
}

/** The width of a column in px; undefined for one that shares what is left. */
export function fixedWidth({ width = "" }: Sized): number | undefined {
  return width.endsWith("px") ? Number.parseInt(width) : undefined;
}

/** Widths of tables by their labels: who comes back to a table finds its rows as high as they were, at once. */
const widths = new Map<string, number>();

/** The width of a table in px, before it is painted; undefined while it is drawn for the first time. */
export function useTableWidth(
  label: string,
): readonly [RefObject<HTMLTableElement | null>, number | undefined] {
  const table = useRef<HTMLTableElement>(null);
  const [width, setWidth] = useState(() => widths.get(label));
  useLayoutEffect(() => {
    const { current } = table;
    if (current === null) return;
    const measure = () => {
      const { clientWidth } = current;
      // A table that is hidden has none.
      if (clientWidth === 0) return;
      widths.set(label, clientWidth);
      setWidth(clientWidth);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, [label]);
  return [table, width];
}
